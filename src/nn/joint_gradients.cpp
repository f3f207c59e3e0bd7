// Network: which gradients are computed for several microbatches at once, and how they are cut into pieces.
#include <algorithm>
#include <array>

#include "lockstep/nn/network.h"

namespace lockstep::nn {

namespace {

constexpr int64_t kPieceFloats = 96 * 1024;  // of the gradient: some 50 us a microbatch of 32
constexpr int64_t kRowGranule = 12;          // what dense_gradient() has in registers at a time

}  // namespace

void Network::plan_joint_gradients() {
  std::vector<int> uses(layout_.parameters().size());
  for (const Node& node : nodes_) {
    for (const int64_t p : node.parameters) ++uses[static_cast<size_t>(p)];
  }
  std::vector<bool> is_joint(layout_.parameters().size());
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    const int64_t rows = node.layer->joint_rows();
    if (rows == 0 || !node.learned[0] || uses[static_cast<size_t>(node.parameters[0])] > 1) continue;
    node.joint = true;
    is_joint[static_cast<size_t>(node.parameters[0])] = true;
    const ParameterInfo& weights = layout_.parameters()[static_cast<size_t>(node.parameters[0])];
    const int64_t row = weights.size / rows;
    const int64_t step = std::max<int64_t>(kPieceFloats / row / kRowGranule, 1) * kRowGranule;
    for (int64_t at = 0; at < rows; at += step) {
      const int64_t end = std::min(at + step, rows);
      joint_pieces_.push_back({i, at, end, weights.offset + end * row});
    }
  }
  for (size_t p = 0; p < is_joint.size(); ++p) {
    if (is_joint[p] || !layout_.parameters()[p].learns) continue;
    const int64_t begin = layout_.parameters()[p].offset;
    const int64_t end = p + 1 < is_joint.size() ? layout_.parameters()[p + 1].offset : layout_.floats();
    if (!separate_.empty() && separate_.back().end == begin) {
      separate_.back().end = end;
    } else {
      separate_.push_back({begin, end});
    }
  }
}

int64_t Network::kept_offset(size_t node, int64_t columns) const {
  int64_t floats = 0;
  for (size_t i = 0; i < node; ++i) {
    if (nodes_[i].joint) floats += (nodes_[i].layer->kept_floats(columns) + kBlock - 1) / kBlock * kBlock;
  }
  return floats;
}

int64_t Network::kept_floats(int64_t columns) const { return kept_offset(nodes_.size(), columns); }

void Network::joint_gradient(const JointPiece& piece, std::span<const Kept> kept, std::span<const int> merges,
                             float* gradient) const {
  const Node& node = nodes_[piece.node];
  std::array<Kept, kMostJoint> of_node;
  for (size_t m = 0; m < kept.size(); ++m) {
    of_node[m] = {kept[m].values + kept_offset(piece.node, kept[m].columns), kept[m].columns};
  }
  node.layer->joint_grad(std::span(of_node).first(kept.size()), merges, piece.begin, piece.end,
                         gradient + layout_.parameters()[static_cast<size_t>(node.parameters[0])].offset);
}

}  // namespace lockstep::nn
