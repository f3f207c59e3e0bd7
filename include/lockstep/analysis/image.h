// Pictures of numbers: 8-bit grey or RGB, tiles of filters or samples in a grid, written as PNG.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/core/shape.h"

namespace lockstep::analysis {

class Image {
 public:
  // All of one level. Channels: 1 is grey, 3 is RGB.
  Image(int64_t width, int64_t height, int64_t channels, uint8_t level = 0);

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  int64_t channels() const { return channels_; }
  // x from the left, y from the top.
  uint8_t& at(int64_t x, int64_t y, int64_t channel) { return bytes_[place(x, y, channel)]; }
  uint8_t at(int64_t x, int64_t y, int64_t channel) const { return bytes_[place(x, y, channel)]; }
  // Rows of pixels of channels.
  const std::vector<uint8_t>& bytes() const { return bytes_; }

  // A PNG file: the same image gives the same bytes with one libpng and zlib.
  std::string png() const;

 private:
  size_t place(int64_t x, int64_t y, int64_t channel) const {
    return static_cast<size_t>((y * width_ + x) * channels_ + channel);
  }

  int64_t width_;
  int64_t height_;
  int64_t channels_;
  std::vector<uint8_t> bytes_;
};

// RFC 4648, with padding.
std::string base64(std::string_view bytes);
// "data:image/png;base64,...": an image inside an HTML page or an SVG drawing.
std::string data_uri(const Image& image);

// Values from low (black) to high (white); what lies outside is cut off.
struct Range {
  double low = 0;
  double high = 1;
};

// How tiles of one shape lie in a picture: row by row, a margin around each.
struct TileStyle {
  Shape shape;           // of a tile, in natural order; 1 channel is grey, 3 are RGB, others are refused
  int64_t columns = 0;   // tiles side by side; 0: about as many as one above the other
  int64_t margin = 2;    // pixels
  int64_t zoom = 1;      // pixels a value, both ways
  uint8_t ground = 240;  // the level of margins and empty places
  // Nothing: each tile by its own range symmetric about 0, so that 0 is mid-grey.
  std::optional<Range> range = Range{};
};

// `values` holds one tile after the other; at least one.
Image draw_tiles(std::span<const float> values, const TileStyle& style);

// A zoom that brings the longer side of a tile near so many pixels, 1 at least.
int64_t zoom_for(const Shape& shape, int64_t pixels = 56);

}  // namespace lockstep::analysis
