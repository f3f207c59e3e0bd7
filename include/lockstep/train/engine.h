// Takes microbatches through the network, each on one thread from end to end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/unpack.h"
#include "lockstep/dist/gradient_tree.h"
#include "lockstep/dist/plan.h"
#include "lockstep/dist/work_queue.h"
#include "lockstep/parallel/workers.h"
#include "lockstep/train/model.h"

namespace lockstep::train {

// The metrics of one microbatch, in the order in which they travel.
constexpr int64_t kSumsPerMicrobatch = 2;  // loss, error

class Engine {
 public:
  // Keeps references to all three.
  Engine(const Model& model, const data::Unpacker& unpacker, parallel::Workers& workers, int64_t microbatch);

  // What a tree that train() can fill has: the most microbatches of a branch, and the most branches under
  // way.
  int64_t branch_width() const { return width_; }
  int branches() const { return width_ > 1 ? 2 : workers_.threads(); }

  // The gradients of this rank's microbatches into `tree` (of that width, and whose begin() was called with
  // the same plan), scaled by 1 / plan.samples(). `samples` are this rank's, augmented as the epoch
  // says. Returns loss and error sums,
  // kSumsPerMicrobatch a microbatch.
  std::vector<double> train(const dist::Plan& plan, int rank, const data::Samples& samples, uint64_t seed,
                            int64_t epoch, int64_t step, const float* parameters, dist::GradientTree& tree);

  // Loss and error sums without training.
  std::vector<double> evaluate(const dist::Plan& plan, int rank, const data::Samples& samples,
                               const float* parameters);

  // Bytes that the workspaces of all threads take, and what microbatches leave for joint gradients.
  int64_t workspace_bytes() const;

 private:
  struct Slot {
    nn::Workspace workspace;
    Buffer truth;  // features x columns, where the loss compares with values that are not the input
  };
  // What one microbatch leaves until its branch is done, where gradients are joint.
  struct Left {
    Buffer kept;
    Buffer gradient;  // of the parameters that are not joint; the rest is never touched
    int64_t columns = 0;
  };
  struct Step;
  void choose_width(int64_t columns);
  void take_microbatch(const Step& step, const dist::Work& work, Slot& slot, std::vector<double>& sums);
  void take_piece(const dist::Work& work);
  nn::Pass load(const dist::Plan& plan, int rank, int64_t microbatch, const data::Samples& samples,
                std::optional<int64_t> epoch, Slot& slot) const;
  nn::LossSums compare(const nn::Pass& pass, int64_t first, const data::Samples& samples, Slot& slot,
                       float delta_scale, float* delta) const;

  const Model& model_;
  const data::Unpacker& unpacker_;
  parallel::Workers& workers_;
  std::vector<Slot> slots_;         // one a thread
  int64_t width_ = 1;               // 1: gradients are not joint
  std::vector<Left> left_;          // one a slot of the queue
  std::vector<nn::Span> separate_;  // pieces of the arena that are summed from left_
};

// Collective. Every microbatch's sums, by microbatch, on every rank.
std::vector<double> gather_sums(comm::Group& group, const dist::Plan& plan, const std::vector<double>& mine);

}  // namespace lockstep::train
