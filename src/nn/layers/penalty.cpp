#include "layers.h"

namespace lockstep::nn {

double penalty_weight(LayerArguments& arguments, const std::string& name) {
  constexpr double kBeyondUse = 1e30;
  return arguments.leading_real(name, 0, kBeyondUse);
}

std::optional<ScalarFunction> activation_below(const LayerArguments& arguments) {
  const Layer* layer = arguments.sources()[0].layer;
  return layer == nullptr ? std::nullopt : layer->scalar_function();
}

}  // namespace lockstep::nn
