#include "lockstep/nn/network.h"

#include <algorithm>
#include <array>

#include "lockstep/nn/initialise.h"
#include "lockstep/nn/pass_observer.h"

namespace lockstep::nn {

void Network::initialise(uint64_t seed, float* parameters) const {
  std::fill_n(parameters, layout_.floats(), 0.0f);
  // Layers that act in training only do not count: adding one leaves the start of the others as it was.
  uint32_t number = 0;
  for (const Node& node : nodes_) {
    if (node.training_only) continue;
    for (size_t p = 0; p < node.specs.size(); ++p) {
      if (!node.owns[p]) continue;
      const ParameterInfo& info = layout_.parameters()[static_cast<size_t>(node.parameters[p])];
      initialise_parameter(node.specs[p], node.initialisations[p], seed, number, static_cast<uint32_t>(p),
                           parameters + info.offset, info.size);
    }
    ++number;
  }
}

void Network::fprop(const Pass& pass, const float* parameters, Workspace& w,
                    const std::function<void(int64_t from)>& needs) const {
  if (pass.observer != nullptr) pass.observer->on_input(pass, w.input_);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (needs) needs(nodes_[i].reads_from);
    fprop_node(i, pass, parameters, w);
  }
}

void Network::fprop_node(size_t i, const Pass& pass, const float* parameters, Workspace& w) const {
  const Timed timed(pass.timeline, Activity::kFprop, static_cast<int64_t>(i));
  const Layer& layer = *nodes_[i].layer;
  std::array<const float*, 2 * kMostInputs> pointers;
  layer.fprop(pass, operands(i, parameters, w, w.fprop_scratch_[i], pointers));
  if (pass.observer == nullptr) return;
  const bool adds = pass.training && layer.is_penalty();
  pass.observer->on_output(pass, i, w.outputs_[i], adds ? layer.penalty(w.saved_[i]) : 0.0);
}

double Network::penalty(const Workspace& w) const {
  double sum = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].layer->is_penalty()) sum += nodes_[i].layer->penalty(w.saved_[i]);
  }
  return sum;
}

void Network::backward(const Pass& pass, const float* parameters, Workspace& w, float* gradient, float* kept,
                       const std::function<void(int64_t floats)>& reached) const {
  for (size_t i = nodes_.size(); i-- > 0;) {
    grad_node(i, pass, parameters, w, gradient, kept);
    bprop_node(i, pass, parameters, w);
    if (reached) reached(nodes_[i].reached);
  }
}

void Network::grad_node(size_t i, const Pass& pass, const float* parameters, Workspace& w, float* gradient,
                        float* kept) const {
  const Node& node = nodes_[i];
  if (pass.observer != nullptr && node.goes_backward) pass.observer->on_delta(pass, i, w.deltas_[i]);
  if (!node.has_grad) return;
  std::array<const float*, 2 * kMostInputs> pointers;
  const Operands ops = operands(i, parameters, w, w.backward_scratch_[i], pointers);
  std::array<Sink, kMostInputs> sinks;
  for (size_t p = 0; p < node.parameters.size(); ++p) {
    const ParameterInfo& info = layout_.parameters()[static_cast<size_t>(node.parameters[p])];
    sinks[p] = {node.learned[p] ? gradient + info.offset : nullptr, node.adds_to_gradient[p]};
  }
  const Timed timed(pass.timeline, Activity::kGrad, static_cast<int64_t>(i));
  if (kept != nullptr && node.joint) {
    sinks[0].data = nullptr;
    node.layer->keep(pass, ops, w.deltas_[i], kept + kept_offset(i, pass.columns));
  }
  node.layer->grad(pass, ops, w.deltas_[i], {sinks.data(), node.parameters.size()});
}

void Network::bprop_node(size_t i, const Pass& pass, const float* parameters, Workspace& w) const {
  const Node& node = nodes_[i];
  std::array<Sink, kMostInputs> sinks;
  bool any = false;
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    const bool wanted = node.wants_input_delta[k];
    sinks[k] = {wanted ? w.deltas_[static_cast<size_t>(node.inputs[k])] : nullptr,
                node.adds_to_input_delta[k]};
    any = any || wanted;
  }
  if (!any) return;
  std::array<const float*, 2 * kMostInputs> pointers;
  const Operands ops = operands(i, parameters, w, w.backward_scratch_[i], pointers);
  const Timed timed(pass.timeline, Activity::kBprop, static_cast<int64_t>(i));
  node.layer->bprop(pass, ops, w.deltas_[i], {sinks.data(), node.inputs.size()});
}

Operands Network::operands(size_t index, const float* parameters, const Workspace& w, float* scratch,
                           std::span<const float*> pointers) const {
  const Node& node = nodes_[index];
  size_t next = 0;
  for (const int input : node.inputs)
    pointers[next++] = input < 0 ? w.input_ : w.outputs_[static_cast<size_t>(input)];
  for (const int64_t p : node.parameters) {
    pointers[next++] = parameters + layout_.parameters()[static_cast<size_t>(p)].offset;
  }
  return {pointers.first(node.inputs.size()), pointers.subspan(node.inputs.size(), node.parameters.size()),
          w.outputs_[index], w.saved_[index], scratch};
}

}  // namespace lockstep::nn
