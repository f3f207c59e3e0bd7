// Convolutions as sums over the taps of one pixel after the other: what is summed up stays in registers, and
// nothing is unfolded.
#pragma once

#include "lockstep/kernels/convolution.h"

namespace lockstep::kernels {

int64_t pixels_scratch(const ConvolutionShape& shape, int64_t columns);  // floats

// As convolution_fprop() and convolution_bprop(), for every shape and stride. In bf16 the source channels are
// multiplied in pairs, which are packed first.
void pixels_fprop(const ConvolutionShape& shape, int64_t columns, const float* in, const float* weights,
                  const float* bias, float* out, float* scratch);
void pixels_bprop(const ConvolutionShape& shape, int64_t columns, const float* out_delta,
                  const float* weights, bool accumulate, float* in_delta, float* scratch);

}  // namespace lockstep::kernels
