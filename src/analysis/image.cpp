#include "lockstep/analysis/image.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

uint8_t level_of(float value, const Range& range) {
  const double width = range.high - range.low;
  const double place = width > 0 ? (static_cast<double>(value) - range.low) / width : 0;
  if (!(place > 0)) return 0;  // also NaN
  return place >= 1 ? 255 : static_cast<uint8_t>(std::lround(place * 255));
}

Range symmetric_range(std::span<const float> tile) {
  double largest = 0;
  for (const float value : tile) largest = std::max(largest, std::abs(static_cast<double>(value)));
  if (largest == 0) largest = 1;
  return {-largest, largest};
}

void draw_tile(Image& image, int64_t left, int64_t top, std::span<const float> tile, const TileStyle& style) {
  const Shape& shape = style.shape;
  const Range range = style.range ? *style.range : symmetric_range(tile);
  for (int64_t y = 0; y < shape.height * style.zoom; ++y) {
    for (int64_t x = 0; x < shape.width * style.zoom; ++x) {
      const int64_t pixel = y / style.zoom * shape.width + x / style.zoom;
      for (int64_t c = 0; c < shape.channels; ++c) {
        const float value = tile[static_cast<size_t>(c * shape.height * shape.width + pixel)];
        image.at(left + x, top + y, c) = level_of(value, range);
      }
    }
  }
}

}  // namespace

Image::Image(int64_t width, int64_t height, int64_t channels, uint8_t level)
    : width_(width), height_(height), channels_(channels) {
  constexpr int64_t kMostPixels = 1 << 20;  // a side: beyond what a picture is for, and what libpng takes
  if (width < 1 || height < 1 || width > kMostPixels || height > kMostPixels) {
    fail("a picture of ", width, "x", height, " pixels cannot be drawn; expected 1 to ", kMostPixels,
         " a side");
  }
  if (channels != 1 && channels != 3) {
    fail("a picture has 1 channel (grey) or 3 (red, green, blue), not ", channels);
  }
  bytes_.assign(static_cast<size_t>(width * height * channels), level);
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < count ? static_cast<uint8_t>(bytes[at + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) result += k <= count ? kDigits[word >> (18 - 6 * k) & 63] : '=';
  }
  return result;
}

std::string data_uri(const Image& image) { return "data:image/png;base64," + base64(image.png()); }

Image draw_tiles(std::span<const float> values, const TileStyle& style) {
  const int64_t size = style.shape.size();
  const int64_t count = size > 0 ? static_cast<int64_t>(values.size()) / size : 0;
  if (count < 1)
    fail("there is no tile of ", style.shape.to_string(), " to draw in ", values.size(), " numbers");
  const auto about_square = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const int64_t columns = std::min(count, style.columns > 0 ? style.columns : about_square);
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t step_x = style.shape.width * style.zoom + style.margin;
  const int64_t step_y = style.shape.height * style.zoom + style.margin;
  Image image(columns * step_x + style.margin, rows * step_y + style.margin, style.shape.channels,
              style.ground);
  for (int64_t i = 0; i < count; ++i) {
    draw_tile(image, style.margin + i % columns * step_x, style.margin + i / columns * step_y,
              values.subspan(static_cast<size_t>(i * size), static_cast<size_t>(size)), style);
  }
  return image;
}

int64_t zoom_for(const Shape& shape, int64_t pixels) {
  const int64_t side = std::max<int64_t>({shape.height, shape.width, 1});
  return std::max<int64_t>(1, (pixels + side / 2) / side);
}

}  // namespace lockstep::analysis
