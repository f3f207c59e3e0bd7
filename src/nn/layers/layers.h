// How each layer is made from its line; the one table in layer_table.cpp lists them.
#pragma once

#include <memory>
#include <vector>

#include "lockstep/kernels/convolution.h"
#include "lockstep/kernels/pooling.h"
#include "lockstep/nn/layer.h"
#include "lockstep/nn/layer_line.h"

namespace lockstep::nn {

using Inputs = const std::vector<Shape>&;

// Of a convolution on `in`, whose kernel may yet be larger than that. `beyond` is what a pad as large as the
// kernel does ("reaches beyond its kernel").
kernels::ConvolutionShape convolution_shape(LayerArguments& arguments, const Shape& in,
                                            const std::string& beyond);
std::unique_ptr<Layer> make_conv(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_deconv(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_linear(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_centres(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_winner(LayerArguments& arguments, Inputs inputs);
kernels::PoolingShape pooling_shape(LayerArguments& arguments, const Shape& in);
std::unique_ptr<Layer> make_maxpool(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_avgpool(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_globalavgpool(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_subsample(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_batchnorm(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_relu(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_leaky_relu(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_sigmoid(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_tanh(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_softplus(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_soft_threshold(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_threshold(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_corrupt(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_dropout(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_add(LayerArguments& arguments, Inputs inputs);

// The factor of a penalty, which may stand first without its name.
double penalty_weight(LayerArguments& arguments, const std::string& name);
// The elementwise activation that a line reads; none where it reads another layer.
std::optional<ScalarFunction> activation_below(const LayerArguments& arguments);
std::unique_ptr<Layer> make_l1(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_kl(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_contractive(LayerArguments& arguments, Inputs inputs);
std::unique_ptr<Layer> make_saturate(LayerArguments& arguments, Inputs inputs);

}  // namespace lockstep::nn
