// The one table of layers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lockstep/nn/layer.h"
#include "lockstep/nn/layer_line.h"

namespace lockstep::nn {

struct LayerType {
  std::string name;   // "conv"
  std::string usage;  // "conv CHANNELS kernel=K [stride=S] [pad=P] [init=I]"
  int inputs;         // how many it reads; 0: two or more
  std::unique_ptr<Layer> (*make)(LayerArguments& arguments, const std::vector<Shape>& inputs);
  bool training_only = false;  // whether it passes its input on in evaluation
};

const std::vector<LayerType>& layer_table();

// Complains about an unknown type with the near names.
const LayerType& layer_type(const LayerArguments& arguments);

}  // namespace lockstep::nn
