#include "lockstep/train/examination.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/nn/pass_observer.h"

namespace lockstep::train {

namespace {

void look_at(float value, Finding& finding) {
  ++finding.values;
  if (std::isfinite(value)) {
    finding.largest = std::max(finding.largest, std::abs(value));
  } else {
    ++finding.not_finite;
  }
}

Finding of_array(const float* values, int64_t count) {
  Finding finding;
  for (int64_t i = 0; i < count; ++i) look_at(values[i], finding);
  return finding;
}

// Of a matrix features x columns, without the columns beyond the samples.
Finding of_matrix(const nn::Pass& pass, const float* values, int64_t features) {
  Finding finding;
  for (int64_t n = 0; n < pass.samples; ++n) {
    const int64_t before = finding.not_finite;
    for (int64_t f = 0; f < features; ++f) look_at(values[f * pass.columns + n], finding);
    if (finding.not_finite > before) finding.samples.push_back(n);
  }
  return finding;
}

class Examiner : public nn::PassObserver {
 public:
  Examiner(const nn::Network& network, Examination& found) : network_(network), found_(found) {
    found_.layers.resize(network.nodes().size());
  }
  void on_input(const nn::Pass& pass, const float* input) override {
    found_.input = of_matrix(pass, input, network_.input_shape().size());
  }
  void on_output(const nn::Pass& pass, size_t node, const float* output, double penalty) override {
    found_.layers[node].output = of_matrix(pass, output, features(node));
    found_.layers[node].penalty = penalty;
  }
  void on_delta(const nn::Pass& pass, size_t node, const float* delta) override {
    found_.layers[node].delta = of_matrix(pass, delta, features(node));
  }

 private:
  int64_t features(size_t node) const { return network_.nodes()[node].layer->output_shape().size(); }

  const nn::Network& network_;
  Examination& found_;
};

void examine_gradient(const ParameterLayout& layout, const float* gradient, Examination& found) {
  Digest digest;
  for (const ParameterInfo& p : layout.parameters()) {
    if (!p.learns) {
      found.gradients.emplace_back();
      continue;
    }
    found.gradients.emplace_back(of_array(gradient + p.offset, p.size));
    digest.add(gradient + p.offset, static_cast<uint64_t>(p.size) * sizeof(float));
  }
  found.gradient_digest = digest.hex();
}

std::string layer_text(const nn::Node& node) {
  return text("layer ", node.name, " ('", node.line, "', ", node.origin, ")");
}

}  // namespace

Examination examine(const Model& model, Engine& engine, dist::GradientTree& tree, const Place& place,
                    const data::Samples& samples, uint64_t seed, const float* parameters) {
  if (model.network.goes_together()) {
    fail(
        "with batchnorm statistics=minibatch a microbatch's values follow from all others of its step, so "
        "it ",
        "cannot be repeated alone");
  }
  // As if there were a rank for each microbatch: the tree of sums does not know of ranks.
  const int64_t microbatches = dist::Plan(place.minibatch, place.microbatch_size, 1).microbatches();
  const dist::Plan plan(place.minibatch, place.microbatch_size, static_cast<int>(microbatches));
  const int rank = static_cast<int>(place.microbatch);
  const ParameterLayout& layout = model.network.layout();
  Examination found;
  for (const ParameterInfo& p : layout.parameters())
    found.parameters.push_back(of_array(parameters + p.offset, p.size));
  Examiner examiner(model.network, found);
  tree.begin(plan, rank);
  const std::vector<double> sums = engine.train(
      plan, rank, samples, seed, place.epoch, place.step, parameters, tree, [] {}, nullptr, &examiner);
  found.loss = sums[0];
  examine_gradient(layout, tree.partials().at(0).values, found);
  return found;
}

std::optional<Cause> first_cause(const Examination& found, const nn::Network& network) {
  const auto& nodes = network.nodes();
  for (size_t p = 0; p < found.parameters.size(); ++p) {
    if (found.parameters[p].finite()) continue;
    const ParameterInfo& info = network.layout().parameters()[p];
    const nn::Node& node = nodes[static_cast<size_t>(network.index_of(info.layer))];
    return Cause{text("the ", info.name, " of ", layer_text(node), ", from the update of the step before"),
                 {}};
  }
  if (!found.input.finite()) return Cause{"the network's input", found.input.samples};
  for (size_t i = 0; i < nodes.size(); ++i) {
    const LayerFindings& layer = found.layers[i];
    if (!layer.output.finite()) return Cause{"the output of " + layer_text(nodes[i]), layer.output.samples};
    if (!std::isfinite(layer.penalty)) return Cause{"the penalty of " + layer_text(nodes[i]), {}};
  }
  if (!std::isfinite(found.loss)) return Cause{"the loss itself", {}};
  return std::nullopt;
}

std::string cause_text(const Examination& found, const nn::Network& network,
                       const std::vector<int64_t>& indices) {
  const std::optional<Cause> cause = first_cause(found, network);
  if (!cause) return "all values are finite";
  if (cause->samples.empty()) return text("the first that is not finite is ", cause->what);
  if (cause->samples.size() == indices.size() && indices.size() > 1)
    return text("the first that is not finite is ", cause->what, ", of all the microbatch's samples");
  std::vector<int64_t> samples;
  for (const int64_t place : cause->samples) samples.push_back(indices[static_cast<size_t>(place)]);
  return text("the first that is not finite is ", cause->what, ", of samples ", numbers_text(samples));
}

std::string numbers_text(const std::vector<int64_t>& numbers) {
  std::string list;
  for (const int64_t number : numbers) list += (list.empty() ? "" : ", ") + std::to_string(number);
  return list;
}

}  // namespace lockstep::train
