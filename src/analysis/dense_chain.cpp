#include "lockstep/analysis/dense_chain.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/kernels/linear_algebra.h"
#include "lockstep/nn/sub_network.h"

namespace lockstep::analysis {

namespace {

using nn::AffineMap;
using nn::ScalarFunction;

std::optional<DenseChain::Stage> stage_of(const nn::Network& network, const nn::Node& node,
                                          const float* parameters) {
  if (const auto function = node.layer->scalar_function()) return *function;
  if (node.type == "winner") return Winner{};
  std::vector<const float*> pointers;
  for (const int64_t p : node.parameters) {
    pointers.push_back(parameters + network.layout().parameters()[static_cast<size_t>(p)].offset);
  }
  if (auto map = node.layer->affine_map(pointers)) return std::move(*map);
  return std::nullopt;
}

// `x` has `columns` of inputs.
std::vector<double> evaluate(const AffineMap& map, int64_t columns, const std::vector<double>& x) {
  const auto count = static_cast<size_t>(columns);
  std::vector<double> y(map.offset.size() * count);
  kernels::multiply(false, map.outputs, columns, map.inputs, map.matrix.data(), x.data(), y.data());
  for (size_t i = 0; i < y.size(); ++i) y[i] += map.offset[i / count];
  return y;
}

std::vector<double> evaluate(const ScalarFunction& function, int64_t, std::vector<double> x) {
  for (double& value : x) value = function.value(value);
  return x;
}

std::vector<double> evaluate(Winner, int64_t columns, const std::vector<double>& x) {
  const auto count = static_cast<size_t>(columns);
  std::vector<double> y(x.size());
  for (size_t c = 0; c < count; ++c) {
    size_t best = c;
    for (size_t i = c; i < x.size(); i += count) best = x[i] > x[best] ? i : best;
    y[best] = 1;
  }
  return y;
}

// `j` is values x columns, the derivative of what goes into the stage at `x`.
std::vector<double> differentiate(const AffineMap& map, const std::vector<double>&, int64_t columns,
                                  const std::vector<double>& j) {
  std::vector<double> result(static_cast<size_t>(map.outputs * columns));
  kernels::multiply(false, map.outputs, columns, map.inputs, map.matrix.data(), j.data(), result.data());
  return result;
}

std::vector<double> differentiate(const ScalarFunction& function, const std::vector<double>& x,
                                  int64_t columns, std::vector<double> j) {
  for (size_t i = 0; i < j.size(); ++i) j[i] *= function.slope(x[i / static_cast<size_t>(columns)]);
  return j;
}

std::vector<double> differentiate(Winner, const std::vector<double>&, int64_t, const std::vector<double>& j) {
  return std::vector<double>(j.size());
}

}  // namespace

std::optional<DenseChain> DenseChain::of(const nn::Network& network, const float* parameters,
                                         bool sigmoid_on_top) {
  std::vector<Stage> stages;
  int above = -1;  // what the next layer has to read
  for (size_t i = 0; i < network.nodes().size(); ++i) {
    const nn::Node& node = network.nodes()[i];
    const int number = static_cast<int>(i);
    if (nn::acts_in_training_only(node)) continue;
    if (node.inputs.size() != 1 || nn::stand_in(network, node.inputs[0]) != above) return std::nullopt;
    auto stage = stage_of(network, node, parameters);
    if (!stage) return std::nullopt;
    stages.push_back(std::move(*stage));
    above = number;
  }
  if (sigmoid_on_top) stages.push_back(nn::scalar_function("sigmoid"));
  const auto is_affine = [](const Stage& stage) { return std::holds_alternative<AffineMap>(stage); };
  if (std::none_of(stages.begin(), stages.end(), is_affine)) return std::nullopt;
  return DenseChain(std::move(stages));
}

DenseChain::DenseChain(std::vector<Stage> stages) : stages_(std::move(stages)) {
  const auto affine = [](const Stage& stage) { return std::get_if<AffineMap>(&stage); };
  for (const Stage& stage : stages_) {
    if (const AffineMap* first = affine(stage)) {
      widths_.push_back(first->inputs);
      break;
    }
  }
  if (widths_.empty()) fail("a chain of dense layers needs at least one matrix");
  for (const Stage& stage : stages_) {
    const AffineMap* map = affine(stage);
    widths_.push_back(map == nullptr ? widths_.back() : map->outputs);
  }
}

std::vector<double> DenseChain::of_columns(int64_t count, const std::vector<double>& x) const {
  std::vector<double> y = x;
  for (const Stage& stage : stages_) {
    y = std::visit([&](const auto& s) { return evaluate(s, count, y); }, stage);
  }
  return y;
}

std::vector<double> DenseChain::jacobian(const std::vector<double>& x) const {
  const int64_t columns = inputs();
  std::vector<double> j(static_cast<size_t>(columns * columns));
  for (int64_t i = 0; i < columns; ++i) j[static_cast<size_t>(i * columns + i)] = 1;
  std::vector<double> y = x;
  for (const Stage& stage : stages_) {
    j = std::visit([&](const auto& s) { return differentiate(s, y, columns, j); }, stage);
    y = std::visit([&](const auto& s) { return evaluate(s, 1, y); }, stage);
  }
  return j;
}

}  // namespace lockstep::analysis
