// The gradient of a dense layer's weights for several microbatches at once. One thread.
//
// One microbatch after the other, the gradient would be written to memory, read back and added; here a tile
// of it is computed for all of them and summed in registers and the first-level cache, and written once. The
// order of summation is an argument, so the bits are those of the separate sums.
#pragma once

#include <cstdint>
#include <span>

namespace lockstep::kernels {

// What one microbatch leaves: its layer's input, transposed, and the derivative of the layer's output.
struct DenseSample {
  const float* input;  // as transpose_input() leaves it: columns x padded_inputs(inputs) floats
  const float* delta;  // units x columns
  int64_t columns;
};

inline constexpr const char* kDenseGradientText = "own kernel: several microbatches at once";  // for people

int64_t padded_inputs(int64_t inputs);

// From inputs x columns to tiles of inputs, each columns x inputs, so that a tile is one contiguous piece;
// what is left of the last tile is set to zero. `columns` is a multiple of kLanes.
void transpose_input(int64_t inputs, int64_t columns, const float* in, float* out);

// gradient[u][i] = the sum over microbatches of sum_n delta[u][n] input[n][i], for `units` rows from
// `first_unit` on; gradient points at row 0. The microbatches' sums are put on a stack one after the other,
// and after microbatch m the two topmost are added merges[m] times: a tree in postfix notation, at most
// kDeepest deep.
constexpr int64_t kDeepest = 8;
void dense_gradient(int64_t inputs, int64_t first_unit, int64_t units,
                    std::span<const DenseSample> microbatches, std::span<const int> merges, float* gradient);

}  // namespace lockstep::kernels
