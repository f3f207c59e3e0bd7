// Convolution without unfolding, for what libraries do badly.
#pragma once

#include <string>

#include "lockstep/kernels/convolution.h"

namespace lockstep::kernels {

// Whether direct_grad() serves a shape: one of few weights, whose matrix product would be too thin for
// oneDNN, which reaches a quarter of the peak there. The rule depends on the shape alone.
bool has_direct_grad(const ConvolutionShape& shape);
std::string direct_grad_rule();                                               // that rule, for people
int64_t direct_grad_scratch(const ConvolutionShape& shape, int64_t columns);  // floats

// convolution_grad() as dot products along the pictures' rows, a tile of them at a time in registers.
void direct_grad(const ConvolutionShape& shape, int64_t columns, const float* in, const float* out_delta,
                 bool accumulate, float* gradient, float* scratch);

}  // namespace lockstep::kernels
