// 3x3 convolutions of stride 1 in a quarter of the multiplications.
//
// Winograd's minimal filtering F(4x4, 3x3), as Lavin and Gray (2016, "Fast algorithms for convolutional
// neural networks", section 4.3) give it: outputs are made in tiles of 4x4 from patches of 6x6 inputs.
// Patches and weights are transformed to 36 points; at each, the channels are multiplied as matrices; the
// products are transformed back. The gradient of the weights is the transpose of the same algorithm. Against
// the direct sum the relative error is about 1e-6 (single precision; the transforms' constants are up to 8).
#pragma once

#include <string>

#include "lockstep/kernels/convolution.h"

namespace lockstep::kernels {

// Whether it pays: a rule on the shape alone. 3x3, stride 1, enough channels for the matrix products to
// outweigh the transforms, and outputs that fill the tiles.
bool has_winograd(const ConvolutionShape& shape);
std::string winograd_rule();  // that rule, for people

// Floats of scratch memory for so many columns or fewer.
int64_t winograd_scratch(const ConvolutionShape& shape, int64_t columns);

// As convolution_fprop(), _bprop() and _grad().
void winograd_fprop(const ConvolutionShape& shape, int64_t columns, const float* in, const float* weights,
                    const float* bias, float* out, float* scratch);
void winograd_bprop(const ConvolutionShape& shape, int64_t columns, const float* out_delta,
                    const float* weights, bool accumulate, float* in_delta, float* scratch);
void winograd_grad(const ConvolutionShape& shape, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch);

}  // namespace lockstep::kernels
