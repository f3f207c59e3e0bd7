// Network: microbatches side by side, which meet at layers that need sums over all of them.
#include <algorithm>
#include <array>

#include "lockstep/nn/network.h"
#include "lockstep/nn/together.h"

namespace lockstep::nn {

// In the order of the way. Backward the sums are there for bprop() alone.
std::vector<size_t> Network::meetings(Way way) const {
  std::vector<size_t> nodes;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const bool needed = way == Way::kForward || nodes_[i].wants_input_delta[0];
    if (needed && nodes_[i].layer->minibatch_sums() > 0) nodes.push_back(i);
  }
  if (way == Way::kBackward) std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

std::vector<int64_t> Network::sums_of_a_step() const {
  std::vector<int64_t> sums;
  for (const Way way : {Way::kForward, Way::kBackward}) {
    for (const size_t node : meetings(way)) sums.push_back(nodes_[node].layer->minibatch_sums());
  }
  return sums;
}

// Each member does what comes before and gives its terms; then all take the sums.
bool Network::meet(Way way, size_t node, const std::function<void(size_t member)>& before,
                   const float* parameters, std::span<Member> members, const Company& company) const {
  const Layer& layer = *nodes_[node].layer;
  const size_t width = static_cast<size_t>(layer.minibatch_sums());
  std::vector<double> terms(members.size() * width);
  company.for_each([&](size_t m) {
    before(m);
    const Pass& pass = members[m].pass;
    const Workspace& w = *members[m].workspace;
    const bool forward = way == Way::kForward;
    const Timed timed(pass.timeline, forward ? Activity::kFprop : Activity::kGrad,
                      static_cast<int64_t>(node));
    float* scratch = forward ? w.fprop_scratch_[node] : w.backward_scratch_[node];
    std::array<const float*, 2 * kMostInputs> pointers;
    layer.terms(way, pass, operands(node, parameters, w, scratch, pointers), &terms[m * width]);
  });
  const std::optional<std::vector<double>> sums = company.sum(terms);
  if (!sums) return false;
  for (const Member& member : members)
    layer.take(way, member.pass, sums->data(), member.workspace->saved_[node]);
  return true;
}

bool Network::fprop_together(const float* parameters, std::span<Member> members,
                             const Company& company) const {
  size_t next = 0;
  const auto go_to = [&](size_t m, size_t end) {
    for (size_t i = next; i < end; ++i) fprop_node(i, members[m].pass, parameters, *members[m].workspace);
  };
  for (const size_t node : meetings(Way::kForward)) {
    const auto before = [&](size_t m) { go_to(m, node); };
    if (!meet(Way::kForward, node, before, parameters, members, company)) return false;
    next = node;
  }
  company.for_each([&](size_t m) { go_to(m, nodes_.size()); });
  return true;
}

bool Network::backward_together(const float* parameters, std::span<Member> members,
                                const Company& company) const {
  const auto grad = [&](const Member& member, size_t i) {
    grad_node(i, member.pass, parameters, *member.workspace, member.gradient, nullptr);
  };
  const auto bprop = [&](const Member& member, size_t i) {
    bprop_node(i, member.pass, parameters, *member.workspace);
    if (member.reached) member.reached(nodes_[i].reached);
  };
  size_t met = nodes_.size();  // the node whose bprop() is next, if any
  const auto go_to = [&](const Member& member, size_t end) {
    if (met < nodes_.size()) bprop(member, met);
    for (size_t i = met; i-- > end;) {
      grad(member, i);
      bprop(member, i);
    }
  };
  for (const size_t node : meetings(Way::kBackward)) {
    const auto before = [&](size_t m) {
      go_to(members[m], node + 1);
      grad(members[m], node);
    };
    if (!meet(Way::kBackward, node, before, parameters, members, company)) return false;
    met = node;
  }
  company.for_each([&](size_t m) { go_to(members[m], 0); });
  return true;
}

}  // namespace lockstep::nn
