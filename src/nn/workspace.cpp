// Network::workspace: when each activation and derivative is needed, and so where it lies.
#include <algorithm>

#include "lockstep/nn/network.h"
#include "memory_plan.h"

namespace lockstep::nn {

namespace {

int64_t padded(int64_t floats) { return (floats + kBlock - 1) / kBlock * kBlock; }

// Time runs from 0, the first layer's fprop(), over `count`, the loss, to 2 count, the first layer's
// backward.
struct Clock {
  int64_t count;
  int64_t fprop(size_t node) const { return static_cast<int64_t>(node); }
  int64_t loss() const { return count; }
  int64_t backward(size_t node) const { return 2 * count - static_cast<int64_t>(node); }
};

// Pieces of memory; one that is used in place of another takes over its lifetime.
class Pieces {
 public:
  // Returns the piece's number.
  size_t add(int64_t floats, int64_t first, int64_t last) {
    lifetimes_.push_back({padded(floats), first, last});
    return lifetimes_.size() - 1;
  }
  const Lifetime& operator[](size_t piece) const { return lifetimes_[piece]; }
  void extend(size_t piece, int64_t last) { lifetimes_[piece].last = std::max(lifetimes_[piece].last, last); }
  const std::vector<Lifetime>& lifetimes() const { return lifetimes_; }

 private:
  std::vector<Lifetime> lifetimes_;
};

// When an output is last read, by layers below, by its own layer's backward where it has one, or by the loss.
std::vector<int64_t> last_reads(const std::vector<Node>& nodes, const Clock& clock) {
  std::vector<int64_t> last(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const BackwardReads reads = nodes[i].layer->backward_reads();
    const bool goes_backward = nodes[i].goes_backward;
    last[i] = std::max(last[i], reads.output && goes_backward ? clock.backward(i) : clock.fprop(i));
    if (nodes[i].compared) last[i] = std::max(last[i], clock.loss());
    for (const int input : nodes[i].inputs) {
      if (input < 0) continue;
      int64_t& read = last[static_cast<size_t>(input)];
      read = std::max(read, reads.inputs && goes_backward ? clock.backward(i) : clock.fprop(i));
    }
  }
  last.back() = std::max(last.back(), clock.loss());
  return last;
}

bool reads_once(const Node& node, int input) {
  return std::count(node.inputs.begin(), node.inputs.end(), input) == 1;
}

// The pieces of a workspace, by what they hold; each list has one a node.
struct WorkspacePieces {
  Pieces all;
  size_t input = 0;
  std::vector<size_t> outputs;
  std::vector<size_t> deltas;  // the input's where nobody wants the derivative
  std::vector<size_t> saved;
  std::vector<size_t> fprop_scratch;
  std::vector<size_t> backward_scratch;
};

void add_outputs(const std::vector<Node>& nodes, const Clock& clock, int64_t columns, WorkspacePieces& w) {
  const std::vector<int64_t> last_read = last_reads(nodes, clock);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const int first = nodes[i].inputs[0];
    const bool in_place = nodes[i].layer->in_place() && first >= 0 &&
                          w.all[w.outputs[static_cast<size_t>(first)]].last == clock.fprop(i);
    if (in_place) {
      w.outputs.push_back(w.outputs[static_cast<size_t>(first)]);
      w.all.extend(w.outputs.back(), last_read[i]);
    } else {
      const int64_t floats = nodes[i].layer->output_shape().size() * columns;
      w.outputs.push_back(w.all.add(floats, clock.fprop(i), last_read[i]));
    }
  }
}

// Backward: the first to write a node's derivative may do so in place of its own.
void add_deltas(const std::vector<Node>& nodes, const Clock& clock, int64_t columns, WorkspacePieces& w) {
  const auto floats = [&](size_t node) { return nodes[node].layer->output_shape().size() * columns; };
  const size_t last = nodes.size() - 1;
  w.deltas.assign(nodes.size(), w.input);
  w.deltas[last] = w.all.add(floats(last), clock.loss(), clock.backward(last));
  for (size_t i = nodes.size(); i-- > 0;) {
    const Node& node = nodes[i];
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (!node.wants_input_delta[k] || node.adds_to_input_delta[k]) continue;
      const size_t of = static_cast<size_t>(node.inputs[k]);
      if (k == 0 && node.layer->in_place() && reads_once(node, node.inputs[k])) {
        w.deltas[of] = w.deltas[i];
        w.all.extend(w.deltas[of], clock.backward(of));
      } else {
        w.deltas[of] = w.all.add(floats(of), clock.backward(i), clock.backward(of));
      }
    }
  }
}

WorkspacePieces pieces_of(const Shape& input, const std::vector<Node>& nodes, int64_t columns) {
  const Clock clock{static_cast<int64_t>(nodes.size())};
  WorkspacePieces w;
  w.input = w.all.add(input.size() * columns, -1, clock.backward(0));
  add_outputs(nodes, clock, columns, w);
  add_deltas(nodes, clock, columns, w);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Layer& layer = *nodes[i].layer;
    const bool goes_backward = nodes[i].goes_backward;
    const int64_t kept_until = goes_backward        ? clock.backward(i)
                               : layer.is_penalty() ? clock.loss()
                                                    : clock.fprop(i);
    w.saved.push_back(w.all.add(layer.saved_floats(columns), clock.fprop(i), kept_until));
    const int64_t scratch = layer.scratch_floats(columns);
    w.fprop_scratch.push_back(w.all.add(scratch, clock.fprop(i), clock.fprop(i)));
    w.backward_scratch.push_back(
        w.all.add(goes_backward ? scratch : 0, clock.backward(i), clock.backward(i)));
  }
  return w;
}

// The most floats of these pieces that live at one moment, which is one where some piece begins.
int64_t most_at_once(const Pieces& all, const std::vector<size_t>& pieces) {
  int64_t most = 0;
  for (const size_t begins : pieces) {
    const int64_t moment = all[begins].first;
    int64_t floats = 0;
    for (const size_t piece : pieces) {
      if (all[piece].first <= moment && moment <= all[piece].last) floats += all[piece].floats;
    }
    most = std::max(most, floats);
  }
  return most;
}

}  // namespace

WorkspaceSize Network::workspace_size(int64_t columns) const {
  const WorkspacePieces pieces = pieces_of(input_, nodes_, columns);
  WorkspaceSize size;
  size.floats = plan_memory(pieces.all.lifetimes()).floats;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    std::vector<size_t> own = {pieces.outputs[i], pieces.saved[i], pieces.fprop_scratch[i],
                               pieces.backward_scratch[i]};
    if (pieces.deltas[i] != pieces.input) own.push_back(pieces.deltas[i]);
    size.layers.push_back(most_at_once(pieces.all, own));
  }
  return size;
}

Workspace Network::workspace(int64_t columns) const {
  const WorkspacePieces pieces = pieces_of(input_, nodes_, columns);
  const MemoryPlan plan = plan_memory(pieces.all.lifetimes());
  Workspace w;
  w.memory_ = Buffer(plan.floats);
  const auto pointer = [&](size_t piece) { return w.memory_.data() + plan.offsets[piece]; };
  const auto pointers = [&](const std::vector<size_t>& list) {
    std::vector<float*> result;
    for (const size_t piece : list) result.push_back(pointer(piece));
    return result;
  };
  w.input_ = pointer(pieces.input);
  w.outputs_ = pointers(pieces.outputs);
  w.deltas_ = pointers(pieces.deltas);
  w.saved_ = pointers(pieces.saved);
  w.fprop_scratch_ = pointers(pieces.fprop_scratch);
  w.backward_scratch_ = pointers(pieces.backward_scratch);
  return w;
}

}  // namespace lockstep::nn
