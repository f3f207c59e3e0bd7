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

// When an output is last read, by layers below, by its own layer's backward, or by the loss.
std::vector<int64_t> last_reads(const std::vector<Node>& nodes, const Clock& clock) {
  std::vector<int64_t> last(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const BackwardReads reads = nodes[i].layer->backward_reads();
    last[i] = std::max(last[i], reads.output ? clock.backward(i) : clock.fprop(i));
    for (const int input : nodes[i].inputs) {
      if (input < 0) continue;
      int64_t& read = last[static_cast<size_t>(input)];
      read = std::max(read, reads.inputs ? clock.backward(i) : clock.fprop(i));
    }
  }
  last.back() = std::max(last.back(), clock.loss());
  return last;
}

bool reads_once(const Node& node, int input) {
  return std::count(node.inputs.begin(), node.inputs.end(), input) == 1;
}

}  // namespace

Workspace Network::workspace(int64_t columns) const {
  const Clock clock{static_cast<int64_t>(nodes_.size())};
  Pieces pieces;
  const size_t input = pieces.add(input_.size() * columns, -1, clock.backward(0));

  const std::vector<int64_t> last_read = last_reads(nodes_, clock);
  std::vector<size_t> outputs;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const int first = nodes_[i].inputs[0];
    const bool in_place = nodes_[i].layer->in_place() && first >= 0 &&
                          pieces[outputs[static_cast<size_t>(first)]].last == clock.fprop(i);
    if (in_place) {
      outputs.push_back(outputs[static_cast<size_t>(first)]);
      pieces.extend(outputs.back(), last_read[i]);
    } else {
      outputs.push_back(
          pieces.add(nodes_[i].layer->output_shape().size() * columns, clock.fprop(i), last_read[i]));
    }
  }

  // Backward: the first to write a node's derivative may do so in place of its own.
  std::vector<size_t> deltas(nodes_.size());
  deltas.back() =
      pieces.add(output_shape().size() * columns, clock.loss(), clock.backward(nodes_.size() - 1));
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Node& node = nodes_[i];
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (!node.wants_input_delta[k] || node.adds_to_input_delta[k]) continue;
      const size_t of = static_cast<size_t>(node.inputs[k]);
      if (k == 0 && node.layer->in_place() && reads_once(node, node.inputs[k])) {
        deltas[of] = deltas[i];
        pieces.extend(deltas[of], clock.backward(of));
      } else {
        deltas[of] =
            pieces.add(shape_of(node.inputs[k]).size() * columns, clock.backward(i), clock.backward(of));
      }
    }
  }

  std::vector<size_t> saved;
  std::vector<size_t> fprop_scratch;
  std::vector<size_t> backward_scratch;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Layer& layer = *nodes_[i].layer;
    saved.push_back(pieces.add(layer.saved_floats(columns), clock.fprop(i), clock.backward(i)));
    const int64_t scratch = layer.scratch_floats(columns);
    fprop_scratch.push_back(pieces.add(scratch, clock.fprop(i), clock.fprop(i)));
    backward_scratch.push_back(pieces.add(scratch, clock.backward(i), clock.backward(i)));
  }

  const MemoryPlan plan = plan_memory(pieces.lifetimes());
  Workspace w;
  w.memory_ = Buffer(plan.floats);
  const auto pointer = [&](size_t piece) { return w.memory_.data() + plan.offsets[piece]; };
  const auto pointers = [&](const std::vector<size_t>& list) {
    std::vector<float*> result;
    for (const size_t piece : list) result.push_back(pointer(piece));
    return result;
  };
  w.input_ = pointer(input);
  w.outputs_ = pointers(outputs);
  w.deltas_ = pointers(deltas);
  w.saved_ = pointers(saved);
  w.fprop_scratch_ = pointers(fprop_scratch);
  w.backward_scratch_ = pointers(backward_scratch);
  return w;
}

}  // namespace lockstep::nn
