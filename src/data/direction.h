// Directions in the plane, uniform over the circle, in whole numbers: the same bits everywhere.
#pragma once

#include <cstdint>

#include "lockstep/core/random.h"

namespace lockstep::data {

// Cosine and sine of an angle, in 1/65536, cut towards zero.
struct Direction {
  int64_t cosine = 0;
  int64_t sine = 0;
};

inline constexpr int64_t kUnit = 65536;

// A point of a disc, taken by rejection from the square, has a uniform angle, and so has twice that angle,
// whose cosine and sine are rational in the coordinates.
inline Direction random_direction(RandomStream& random) {
  constexpr int64_t kRadius = 32768;
  while (true) {
    const uint32_t word = random.word();
    const int64_t x = static_cast<int64_t>(word >> 16) - kRadius;
    const int64_t y = static_cast<int64_t>(word & 0xffff) - kRadius;
    const int64_t length2 = x * x + y * y;
    const bool in_ring = length2 <= kRadius * kRadius && length2 >= kRadius;  // near 0 there are few angles
    if (in_ring) return {(x * x - y * y) * kUnit / length2, 2 * x * y * kUnit / length2};
  }
}

}  // namespace lockstep::data
