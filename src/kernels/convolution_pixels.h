// Convolutions as sums over the taps of one pixel after the other: what is summed up stays in registers, and
// nothing is unfolded.
#pragma once

#include "lockstep/kernels/convolution.h"

namespace lockstep::kernels {

// As convolution_fprop() and convolution_bprop(), for every shape and stride.
void pixels_fprop(const ConvolutionShape& shape, int64_t columns, const float* in, const float* weights,
                  const float* bias, float* out);
void pixels_bprop(const ConvolutionShape& shape, int64_t columns, const float* out_delta,
                  const float* weights, bool accumulate, float* in_delta);

}  // namespace lockstep::kernels
