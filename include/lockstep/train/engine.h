// Takes microbatches through the network, each on one thread from end to end; or, where layers need sums over
// the minibatch, all side by side.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/unpack.h"
#include "lockstep/dist/gradient_tree.h"
#include "lockstep/dist/minibatch_sums.h"
#include "lockstep/dist/plan.h"
#include "lockstep/dist/work_queue.h"
#include "lockstep/parallel/workers.h"
#include "lockstep/train/model.h"

namespace lockstep::train {

// The metrics of one microbatch, in the order in which they travel.
constexpr int64_t kSumsPerMicrobatch = 2;  // loss, error

// How an engine takes microbatches, and the floats that it holds for that: known before it is made.
struct EnginePlan {
  // `most`: the most microbatches that the rank has in a step.
  EnginePlan(const Model& model, int threads, int64_t microbatch, int64_t most);

  int threads;
  int64_t columns;           // of a microbatch
  bool together;             // whether all microbatches of a step are under way at once, each in a workspace
  int64_t workspaces;        // else one a thread
  int64_t truth_floats = 0;  // a workspace, where the loss compares with values that it has not
  // Gradients are joint where most of the arena can have them. What follows is of that.
  int64_t width = 1;            // the most microbatches of a branch; 1: gradients are not joint
  int64_t left = 0;             // microbatches that leave something until their branch is done
  int64_t kept_floats = 0;      // of one of them
  int64_t separate_floats = 0;  // likewise: gradients of the parameters that are not joint

  // The most under way.
  int branches() const { return width > 1 ? 2 : static_cast<int>(workspaces); }
};

class Engine {
 public:
  // Keeps references to the first three. `most` as EnginePlan has it.
  Engine(const Model& model, const data::Unpacker& unpacker, parallel::Workers& workers, int64_t microbatch,
         int64_t most);

  // Also what a tree that train() can fill has to have: its width and branches.
  const EnginePlan& plan() const { return plan_; }

  // The gradients of this rank's microbatches into `tree` (of that width, and whose begin() was called with
  // the same plan), scaled by 1 / plan.samples(). `samples` are this rank's, augmented as the epoch
  // says. Whenever more of the tree may be final, any thread calls `moved`; before it reads parameters,
  // `needs` with the float from which on they have to be there. Returns loss and error sums,
  // kSumsPerMicrobatch a microbatch. An `observer` sees all values; with several microbatches, from several
  // threads at once.
  //
  // Where the network's microbatches go together, this is collective, needs `minibatch_sums` of the network's
  // widths, which has begun the step, and takes no observer. It returns nothing where another rank has left
  // the step; where it throws, leave() is still to be called.
  std::vector<double> train(const dist::Plan& plan, int rank, const data::Samples& samples, uint64_t seed,
                            int64_t epoch, int64_t step, const float* parameters, dist::GradientTree& tree,
                            const std::function<void()>& moved,
                            const std::function<void(int64_t from)>& needs = nullptr,
                            nn::PassObserver* observer = nullptr,
                            dist::MinibatchSums* minibatch_sums = nullptr);

  // Loss and error sums without training, of the views that the model is scored by.
  std::vector<double> evaluate(const dist::Plan& plan, int rank, const data::Samples& samples,
                               const float* parameters);

 private:
  struct Slot {
    nn::Workspace workspace;
    Buffer truth;  // features x columns, where the loss compares with values that no workspace has
  };
  // What one microbatch leaves until its branch is done, where gradients are joint.
  struct Left {
    Buffer kept;
    Buffer gradient;  // of the parameters that are not joint; the rest is never touched
    int64_t columns = 0;
  };
  // A part of the gradient of a branch, which one thread computes at once.
  struct Piece {
    int64_t end;                  // in the arena
    const nn::JointPiece* joint;  // null where it is summed from left_
    int64_t begin;                // then
  };
  struct Step;
  static std::vector<Piece> pieces_of(const nn::Network& network);
  dist::WorkQueue::Sizes queue_sizes() const;
  std::vector<double> train_together(const Step& step, dist::MinibatchSums& minibatch_sums);
  nn::Pass load_to_train(const Step& step, int64_t microbatch, Slot& slot) const;
  void take_loss(const Step& step, int64_t microbatch, const nn::Pass& pass, Slot& slot,
                 std::vector<double>& sums) const;
  void take_microbatch(const Step& step, const dist::Work& work, dist::WorkQueue& queue, Slot& slot,
                       std::vector<double>& sums);
  void take_piece(const Step& step, const dist::Work& work, dist::WorkQueue& queue);
  void compute_piece(const dist::Work& work);
  nn::Pass load(const dist::Plan& plan, int rank, int64_t microbatch, const data::Samples& samples,
                std::optional<int64_t> epoch, Slot& slot) const;
  void take_other_view(const nn::Pass& pass, const float* parameters, Slot& slot) const;
  nn::LossSums compare(const nn::Pass& pass, int64_t first, const data::Samples& samples, Slot& slot,
                       float delta_scale, float* delta) const;

  const Model& model_;
  const data::Unpacker& unpacker_;
  parallel::Workers& workers_;
  EnginePlan plan_;
  std::vector<Slot> slots_;    // as many as the plan has workspaces
  std::vector<Left> left_;     // one a slot of the queue
  std::vector<Piece> pieces_;  // as they lie in the arena; none where gradients are not joint
};

// Collective. Every microbatch's sums, by microbatch, on every rank.
std::vector<double> gather_sums(comm::Group& group, const dist::Plan& plan, const std::vector<double>& mine);

}  // namespace lockstep::train
