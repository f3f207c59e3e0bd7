// The nearest of some centres by matrix products: |x - c|^2 = |x|^2 - 2 (c.x - |c|^2 / 2), so the nearest
// centre is the one with the largest score c.x - |c|^2 / 2. One thread; deterministic.
#pragma once

#include <array>
#include <cstdint>

#include "lockstep/kernels/layout.h"

namespace lockstep::kernels {

// offsets[k] = -|c_k|^2 / 2 for centres [count x width].
void centre_offsets(int64_t count, int64_t width, const float* centres, float* offsets);

// The largest value of each of kLanes columns, and its row: the first of equals.
struct Winners {
  std::array<int32_t, kLanes> row;
  std::array<float, kLanes> value;
};

// Of the columns that begin at `in`, in an array of `rows` rows that lie `stride` floats apart.
Winners winners(int64_t rows, const float* in, int64_t stride);

}  // namespace lockstep::kernels
