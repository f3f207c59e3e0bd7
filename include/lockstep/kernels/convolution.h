// Convolution (cross-correlation, as all trainers have it) on activations in the layout of layout.h. One
// thread.
#pragma once

#include <cstdint>

#include "lockstep/kernels/precision.h"
#include "lockstep/kernels/work.h"

namespace lockstep::kernels {

struct ConvolutionShape {
  int64_t in_channels, in_height, in_width;
  int64_t out_channels;
  int64_t kernel_height, kernel_width;
  int64_t stride;
  int64_t pad;
  bool winograd =
      true;  // whether 3x3 convolutions may be done by Winograd's algorithm (src/kernels/winograd.h)
  Precision precision = Precision::kFloat32;

  int64_t out_height() const { return (in_height + 2 * pad - kernel_height) / stride + 1; }
  int64_t out_width() const { return (in_width + 2 * pad - kernel_width) / stride + 1; }
  int64_t taps() const { return in_channels * kernel_height * kernel_width; }  // inputs of one output
};

// What the three functions take, and the kernel that each picks for a shape.
LayerWork convolution_work(const ConvolutionShape& shape);

// Floats of scratch memory that each of the three functions needs for so many columns or fewer.
int64_t convolution_scratch(const ConvolutionShape& shape, int64_t columns);

// out[o][y][x] = bias[o] + sum over c, i, j of weights[o][c][i][j] in[c][y stride + i - pad][x stride + j -
// pad], zeros outside. bias may be null.
void convolution_fprop(const ConvolutionShape& shape, int64_t columns, const float* in, const float* weights,
                       const float* bias, float* out, float* scratch);

// in_delta = (accumulate ? in_delta : 0) + the derivative with respect to the input.
void convolution_bprop(const ConvolutionShape& shape, int64_t columns, const float* out_delta,
                       const float* weights, bool accumulate, float* in_delta, float* scratch);

// gradient = (accumulate ? gradient : 0) + the derivative with respect to the weights, summed over the
// columns.
void convolution_grad(const ConvolutionShape& shape, int64_t columns, const float* in, const float* out_delta,
                      bool accumulate, float* gradient, float* scratch);

}  // namespace lockstep::kernels
