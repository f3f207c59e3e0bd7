// Convolution as matrix products over unfolded rows of the picture, for every shape.
#pragma once

#include "lockstep/kernels/convolution.h"

namespace lockstep::kernels {

int64_t unfolded_scratch(const ConvolutionShape& shape, int64_t columns);

// As convolution_fprop(), _bprop() and _grad().
void unfolded_fprop(const ConvolutionShape& shape, int64_t columns, const float* in, const float* weights,
                    const float* bias, float* out, float* scratch);
void unfolded_bprop(const ConvolutionShape& shape, int64_t columns, const float* out_delta,
                    const float* weights, bool accumulate, float* in_delta, float* scratch);
void unfolded_grad(const ConvolutionShape& shape, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch);

}  // namespace lockstep::kernels
