// Weight gradients with the input's channels in vectors, so that the sum over samples and pixels stays in
// registers and nothing is unfolded.
#pragma once

#include <string>

#include "lockstep/kernels/convolution.h"

namespace lockstep::kernels {

// Whether the input's channels fill vectors: a rule on the shape alone.
bool has_channels_grad(const ConvolutionShape& shape);
std::string channels_grad_rule(Precision precision);                            // that rule, for people
int64_t channels_grad_scratch(const ConvolutionShape& shape, int64_t columns);  // floats

// As convolution_grad().
void channels_grad(const ConvolutionShape& shape, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch);

}  // namespace lockstep::kernels
