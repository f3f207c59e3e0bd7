// Parts of a network as networks of their own: an encoder is what stands above and at a layer.
#pragma once

#include <string>
#include <vector>

#include "lockstep/nn/network.h"

namespace lockstep::nn {

// The lines of the layers that `node` depends on, and its own, in order. Each says its name= and from=, so
// that parameters keep their names. Layers that act in training only are left out, and what read them reads
// what they read.
std::vector<LayerLine> lines_up_to(const Network& network, int node);

// Copies every parameter of `to` from the one of the same layer and name. All of them have to be there.
void copy_parameters(const Network& from, const float* source, const Network& to, float* target);

// What stands above and at a node, with its parameters.
struct SubNetwork {
  Network network;
  Buffer parameters;
};
SubNetwork sub_network(const Network& network, const NetworkSettings& settings, const float* parameters,
                       int node);

// Whether a layer passes its input on in evaluation, such as dropout.
bool acts_in_training_only(const Node& node);
// The node whose output stands for this one's in evaluation; -1 is the network's input.
int stand_in(const Network& network, int node);

// The layer that a trained network's code is at: the one of that name, or where none is given the one named
// "code", else the narrowest above the last layer with parameters (of several the first, with the layers
// behind it that are as narrow: a linear layer's activation). An error lists the layers.
int code_node(const Network& network, const std::string& name);

}  // namespace lockstep::nn
