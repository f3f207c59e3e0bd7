// What generators have in common: pictures of 28 x 28 grey bytes, and a stream of random numbers a sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "lockstep/core/random.h"
#include "lockstep/data/generate.h"

namespace lockstep::data {

inline constexpr int kSide = 28;
inline constexpr size_t kPixels = size_t{kSide} * kSide;

using Picture = std::array<unsigned char, kPixels>;  // row by row

// Who draws random numbers: each has streams of its own. Results depend on the values.
enum class Artist : uint32_t {
  kRectangles = 1,
  kRectanglesImage = 2,
  kConvex = 3,
  kRotation = 4,
  kRandomBackground = 5,
  kImageBackground = 6,
};

inline RandomStream sample_stream(uint64_t seed, uint64_t index, Artist artist) {
  return {seed, Purpose::kGenerate, static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
          static_cast<uint32_t>(artist)};
}

// In low..high, both included.
inline int between(RandomStream& random, int low, int high) {
  return low + static_cast<int>(random.below(static_cast<uint32_t>(high - low + 1)));
}

// Of 28 x 28 bytes, 0 black to 255 white.
inline io::DatasetInfo picture_info(int64_t classes, const std::string& source) {
  io::DatasetInfo info;
  info.sample_dims = {1, kSide, kSide};
  info.type = io::Type::kUint8;
  info.scale = 1.0 / 255;
  info.classes = classes;
  info.source = "generated: " + source;
  return info;
}

// The entries of the table of generators.
Generator digits_generator();
Generator rectangles_generator();
Generator rectangles_image_generator();
Generator convex_generator();
Generator rotated_digits_generator();
Generator random_background_generator();
Generator image_background_generator();

}  // namespace lockstep::data
