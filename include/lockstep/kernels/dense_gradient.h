// The gradient of a dense layer's weights for several microbatches at once. One thread.
//
// One microbatch after the other, the gradient would be written to memory, read back and added; here a tile
// of it is computed for all of them and summed in registers and the first-level cache, and written once. The
// order of summation is an argument, so the bits are those of the separate sums.
#pragma once

#include <cstdint>
#include <span>

#include "lockstep/kernels/precision.h"

namespace lockstep::kernels {

// What one microbatch leaves, made by keep_dense_sample().
struct DenseSample {
  const float* kept;
  int64_t columns;
};

std::string dense_gradient_text(Precision precision);  // for people

int64_t dense_sample_floats(Precision precision, int64_t inputs, int64_t units, int64_t columns);

// The layer's input, transposed: tiles of inputs, each columns x inputs, so that a tile is one contiguous
// piece; and the derivative of its output, units x columns. In bf16 both are rounded, which halves them.
// `columns` is a multiple of kLanes.
void keep_dense_sample(Precision precision, int64_t inputs, int64_t units, int64_t columns,
                       const float* input, const float* delta, float* kept);

// gradient[u][i] = the sum over microbatches of sum_n delta[u][n] input[n][i], for `units` rows from
// `first_unit` on; gradient points at row 0. The microbatches' sums are put on a stack one after the other,
// and after microbatch m the two topmost are added merges[m] times: a tree in postfix notation, at most
// kDeepest deep.
constexpr int64_t kDeepest = 8;
void dense_gradient(Precision precision, int64_t inputs, int64_t first_unit, int64_t units,
                    std::span<const DenseSample> microbatches, std::span<const int> merges, float* gradient);

}  // namespace lockstep::kernels
