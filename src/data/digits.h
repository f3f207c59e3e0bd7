// Handwritten-looking digits, drawn: 28 x 28 pixels, bright ink on a dark ground, ten classes.
#pragma once

#include <cstdint>

namespace lockstep::data {

inline constexpr int64_t kDigitSize = 28;
inline constexpr int64_t kDigitClasses = 10;

// Draws sample `index` of `seed` into 28 x 28 bytes, row by row, and returns its label 0..9.
// The same bytes on every machine: see the head of digits.cpp.
int32_t draw_digit(uint64_t seed, uint64_t index, unsigned char* pixels);

// The same digit as ink alone, 0 none to 255 full: without the ground and its noise.
int32_t draw_ink(uint64_t seed, uint64_t index, unsigned char* pixels);

}  // namespace lockstep::data
