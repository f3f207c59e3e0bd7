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

// The layer that a trained network's code is at: the one of that name. An error lists the layers, and says
// how to name one.
int code_node(const Network& network, const std::string& name);

}  // namespace lockstep::nn
