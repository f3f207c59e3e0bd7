#include "gradient_cases.h"

namespace lockstep::nn {

const std::vector<LayerCase>& layer_cases() {
  constexpr float kLinear = 0.25f;
  static const std::vector<LayerCase> cases = {
      {"conv 4 kernel=3", {{2, 5, 6}}, Inputs::kAnything, kLinear},
      {"conv 3 kernel=3 stride=2 pad=1", {{3, 6, 5}}, Inputs::kAnything, kLinear},
      {"conv 4 kernel=3 bias=no", {{2, 5, 6}}, Inputs::kAnything, kLinear},
      {"conv 17 kernel=3 pad=1", {{16, 5, 4}}, Inputs::kAnything, 8 * kLinear},  // by Winograd's algorithm
      {"conv 1 kernel=1", {{1, 2, 3}}, Inputs::kAnything, kLinear},
      {"deconv 4 kernel=3", {{2, 3, 4}}, Inputs::kAnything, kLinear},
      {"deconv 2 kernel=3 stride=2 pad=1", {{3, 4, 3}}, Inputs::kAnything, kLinear},
      {"deconv 3 kernel=2 stride=3", {{2, 2, 3}}, Inputs::kAnything, kLinear},
      {"linear 7", {{11, 1, 1}}, Inputs::kAnything, kLinear},
      {"linear 1", {{2, 3, 2}}, Inputs::kAnything, kLinear},
      {"linear 5 tied=other", {{8, 1, 1}}, Inputs::kAnything, kLinear},
      {"linear 6 bias=no", {{7, 1, 1}}, Inputs::kAnything, kLinear},
      {"linear 5 tied=other bias=no", {{8, 1, 1}}, Inputs::kAnything, kLinear},
      {"centres 7", {{2, 3, 2}}},
      {"centres 20", {{19, 1, 1}}},
      {"winner", {{3, 2, 5}}, Inputs::kDistant},
      {"winner", {{1, 1, 1}}, Inputs::kDistant},
      {"maxpool 2", {{3, 4, 6}}, Inputs::kDistant},
      {"maxpool 3 stride=2", {{2, 7, 8}}, Inputs::kDistant},
      {"maxpool 3 stride=2 edge=keep", {{2, 6, 8}}, Inputs::kDistant},
      {"avgpool 2", {{3, 4, 5}}, Inputs::kAnything, kLinear},
      {"avgpool 3 stride=2 edge=keep", {{2, 6, 4}}, Inputs::kAnything, kLinear},
      {"globalavgpool", {{3, 4, 5}}, Inputs::kAnything, kLinear},
      {"subsample 2 edge=keep", {{2, 5, 3}}, Inputs::kAnything, kLinear},
      {"avgpool 3 stride=1", {{2, 5, 4}}, Inputs::kAnything, kLinear},
      {"subsample 2", {{3, 4, 6}}, Inputs::kAnything, kLinear},
      {"subsample 3 stride=2", {{2, 5, 7}}, Inputs::kAnything, kLinear},
      {"batchnorm", {{3, 2, 4}}},
      {"batchnorm epsilon=0.1", {{6, 1, 1}}},
      {"relu", {{3, 2, 5}}, Inputs::kAwayFromZero},
      {"leaky-relu", {{3, 2, 5}}, Inputs::kAwayFromZero},
      {"leaky-relu 0.3", {{13, 1, 1}}, Inputs::kAwayFromZero},
      {"sigmoid", {{13, 1, 1}}},
      {"tanh", {{13, 1, 1}}},
      {"softplus", {{13, 1, 1}}},
      {"soft-threshold 0.53", {{13, 1, 1}}, Inputs::kDistant},
      {"threshold 0.53", {{13, 1, 1}}, Inputs::kDistant},
      {"corrupt masking 0.4", {{3, 2, 5}}, Inputs::kAnything, kLinear},
      {"corrupt salt-and-pepper 0.4 low=-1", {{3, 2, 5}}, Inputs::kAnything, kLinear},
      {"corrupt gaussian 0.4", {{3, 3, 5}}, Inputs::kAnything, kLinear},
      {"l1 0.7", {{3, 2, 5}}, Inputs::kAwayFromZero},
      {"kl 0.1 0.7", {{13, 1, 1}}, Inputs::kUnit, 0.01f, {"sigmoid"}},
      {"saturate 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"relu"}},
      {"saturate 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"soft-threshold 2"}},
      {"saturate 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"threshold 2"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kAnything, 0.01f, {"linear 13"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"linear 13", "relu"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"linear 13", "leaky-relu 0.3"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kUnit, 0.01f, {"linear 13", "sigmoid"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kUnit, 0.01f, {"linear 13", "tanh"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kUnit, 0.01f, {"linear 13", "softplus"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"linear 13", "soft-threshold 1"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kAwayFromZero, 0.01f, {"linear 13", "threshold 1"}},
      {"contractive 0.7", {{13, 1, 1}}, Inputs::kUnit, 0.01f, {"linear 13 tied=other", "sigmoid"}},
      {"dropout 0.4", {{3, 2, 5}}, Inputs::kAnything, kLinear},
      {"add", {{3, 2, 2}, {3, 2, 2}}, Inputs::kAnything, kLinear},
      {"add", {{5, 1, 1}, {5, 1, 1}, {5, 1, 1}}, Inputs::kAnything, kLinear},
  };
  return cases;
}

}  // namespace lockstep::nn
