// A network: layers in a directed acyclic graph, their parameters in one flat arena.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/core/buffer.h"
#include "lockstep/core/options.h"
#include "lockstep/core/parameter_layout.h"
#include "lockstep/nn/layer.h"
#include "lockstep/nn/layer_line.h"

namespace lockstep::nn {

struct LayerType;
struct Company;  // together.h
struct Member;   // likewise

// The most inputs of a layer, and the most parameters: enough for any sensible add.
constexpr size_t kMostInputs = 16;

// A layer in its place. Inputs are indices of nodes; -1 is the network's input.
struct Node {
  std::string name;
  std::string type;            // "conv"
  std::string line;            // as it was written
  std::string origin;          // where it was written
  bool learns = true;          // false: the parameters that it owns stay as they are (learn=no)
  bool training_only = false;  // whether it passes its input on in evaluation, such as dropout
  std::unique_ptr<Layer> layer;
  std::vector<ParameterSpec> specs;
  std::vector<std::string> initialisations;  // one a parameter
  std::vector<int> inputs;
  std::vector<int64_t> parameters;  // indices into the layout
  std::vector<bool> owns;  // one a parameter: false where it belongs to another layer (share=, tied=)
  // Set when the graph is whole:
  std::vector<bool> wants_input_delta;    // one an input: whether anything before it learns
  std::vector<bool> adds_to_input_delta;  // one an input: whether a later layer has written there before
  std::vector<bool> adds_to_gradient;     // one a parameter: likewise
  std::vector<bool> learned;   // one a parameter: whether it has a gradient, its owner being one that learns
  bool has_grad = false;       // whether any of them has
  bool goes_backward = false;  // whether it has anything to do backward
  bool compared = false;       // whether the loss reads its output, beside the last layer's
  bool joint = false;          // whether its first parameter's gradient is in joint_pieces()
  int64_t reached = 0;         // floats of the gradient that no layer behind this one backward writes to
  int64_t reads_from = 0;      // where the first of its parameters begins in the arena; its end without any
};

// Rows of the first parameter of a node.
struct JointPiece {
  size_t node;
  int64_t begin;
  int64_t end;
  int64_t arena_end;  // floats: where they end in the arena
};

// A part of the arena, in floats.
struct Span {
  int64_t begin;
  int64_t end;
};

// What one thread needs to take microbatches through a network. Made for a number of columns at most. Values
// share memory with those of other times: the input stays until backward() has ended, the output until it
// begins, and the output's derivative is the caller's to write between fprop() and backward(). Where no
// backward() follows, the output is the caller's too, and fprop() may be called again on the input, changed
// or not.
class Workspace {
 public:
  float* input() { return input_; }
  const float* output() const { return outputs_.back(); }
  float* output() { return outputs_.back(); }
  // Of a node that compare_with() named, until backward() begins.
  const float* output_of(int node) const { return outputs_[static_cast<size_t>(node)]; }
  float* output_delta() { return deltas_.back(); }
  int64_t floats() const { return memory_.size(); }

 private:
  friend class Network;
  Buffer memory_;
  float* input_ = nullptr;
  std::vector<float*> outputs_;
  std::vector<float*> deltas_;
  std::vector<float*> saved_;
  std::vector<float*> fprop_scratch_;
  std::vector<float*> backward_scratch_;
};

// What a workspace takes, in floats.
struct WorkspaceSize {
  int64_t floats = 0;
  // One a node: the most that it has at one moment, of its output and the derivative, what it saves, and
  // scratch.
  std::vector<int64_t> layers;
};

class Network {
 public:
  // From the lines of a configuration. A line reads the line above unless it says from=. Every complaint is a
  // usage error that names the line and the shapes that do not fit.
  Network(const Shape& input, const std::vector<LayerLine>& lines, const NetworkSettings& settings);

  const Shape& input_shape() const { return input_; }
  Shape output_shape() const { return nodes_.back().layer->output_shape(); }
  const std::vector<Node>& nodes() const { return nodes_; }
  const ParameterLayout& layout() const { return layout_; }
  int index_of(const std::string& name) const;  // -1 where there is none

  // Before any workspace is made: the loss reads this node's output too.
  void compare_with(int node) { nodes_[static_cast<size_t>(node)].compared = true; }
  // The first node that makes this one's output in training another than in evaluation after it: because it
  // learns, or acts in training only (penalties do not count). -1 where there is none.
  int unsteady_source(int node) const;

  // The start of training, a function of the seed and the configuration alone.
  void initialise(uint64_t seed, float* parameters) const;

  Workspace workspace(int64_t columns) const;
  // Of workspace(columns), without making it.
  WorkspaceSize workspace_size(int64_t columns) const;

  // From workspace.input() to workspace.output(). `needs` is told before each node from which
  // float on it reads parameters.
  void fprop(const Pass& pass, const float* parameters, Workspace& workspace,
             const std::function<void(int64_t from)>& needs = nullptr) const;
  // After fprop() in training and before backward(): what the network's penalties add to the loss, summed
  // over the microbatch's samples.
  double penalty(const Workspace& workspace) const;
  // From workspace.output_delta(), after fprop(), to the gradient of every parameter that learns; what was in
  // `gradient` before is replaced, the padding between parameters is left alone. With `kept`, the gradients
  // of joint_pieces() are left out, and what they need is left there. Between two layers, `reached` is told
  // how many floats of the gradient, from its start, will not change any more.
  void backward(const Pass& pass, const float* parameters, Workspace& workspace, float* gradient,
                float* kept = nullptr, const std::function<void(int64_t floats)>& reached = nullptr) const;

  // Whether layers need sums over the minibatch, in training. Its microbatches then take these two ways side
  // by side (together.h), in place of fprop() and backward(). Both return false where a rank has failed.
  bool goes_together() const { return !meetings(Way::kForward).empty(); }
  bool fprop_together(const float* parameters, std::span<Member> members, const Company& company) const;
  bool backward_together(const float* parameters, std::span<Member> members, const Company& company) const;
  // How many sums they ask for each time, in the order of a step.
  std::vector<int64_t> sums_of_a_step() const;

  // The parameters whose gradients can be computed for several microbatches at once, cut into pieces of
  // similar cost, and the rest of the arena that learns.
  const std::vector<JointPiece>& joint_pieces() const { return joint_pieces_; }
  const std::vector<Span>& separate() const { return separate_; }
  int64_t kept_floats(int64_t columns) const;
  // One piece of the sum of kMostJoint microbatches at most, into the arena `gradient`; `kept` is what
  // backward() left of each. `merges` as in Layer::joint_grad().
  void joint_gradient(const JointPiece& piece, std::span<const Kept> kept, std::span<const int> merges,
                      float* gradient) const;

 private:
  Shape shape_of(int node) const;
  void add_node(const LayerLine& line, const NetworkSettings& settings);
  std::vector<Shape> connect(Node& node, const LayerType& type, LayerArguments& arguments) const;
  Source source_of(int node) const;
  void add_parameters(Node& node, LayerArguments& arguments, const NetworkSettings& settings);
  void adopt_parameters(Node& node, LayerArguments& arguments, const std::string& other, bool only_weights);
  void require_every_output_used() const;
  void lay_out_parameters();
  void plan_backward();
  void plan_joint_gradients();
  int64_t kept_offset(size_t node, int64_t columns) const;
  void fprop_node(size_t node, const Pass& pass, const float* parameters, Workspace& w) const;
  void grad_node(size_t node, const Pass& pass, const float* parameters, Workspace& w, float* gradient,
                 float* kept) const;
  void bprop_node(size_t node, const Pass& pass, const float* parameters, Workspace& w) const;
  std::vector<size_t> meetings(Way way) const;
  bool meet(Way way, size_t node, const std::function<void(size_t member)>& before, const float* parameters,
            std::span<Member> members, const Company& company) const;
  Operands operands(size_t index, const float* parameters, const Workspace& workspace, float* scratch,
                    std::span<const float*> pointers) const;

  Shape input_;
  std::vector<Node> nodes_;
  ParameterLayout layout_;
  std::vector<JointPiece> joint_pieces_;
  std::vector<Span> separate_;
};

}  // namespace lockstep::nn
