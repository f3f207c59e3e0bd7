// Sums over all microbatches of a step while it is under way, for layers that cannot go on without.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/dist/plan.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::dist {

// A step has the same meetings on all ranks, those without microbatches among them. A rank that cannot go on
// tells the others at their next one, so nobody waits for it.
class MinibatchSums {
 public:
  // `widths`: numbers of a microbatch, meeting by meeting. `waits`, if any, is told when the wait for other
  // ranks begins and when it ends. The references stay in use.
  MinibatchSums(comm::Group& group, const parallel::Workers& workers, std::vector<int64_t> widths,
                std::function<void(bool begins)> waits = nullptr);

  // Before each step.
  void begin(const Plan& plan);
  // Collective, with leave(). From the terms of this rank's microbatches, one after the other, to their sums
  // over all microbatches, along the tree. None where a rank has left; the step is over then.
  std::optional<std::vector<double>> sum(std::span<const double> terms);
  // Collective, with sum(): this rank has failed. Does nothing where the step has no meeting to come, or is
  // over already.
  void leave();

  // The first microbatch of this step that brought infinite or NaN terms, to the first meeting where any did.
  std::optional<int64_t> first_not_finite() const { return first_not_finite_; }
  // Of all steps.
  double waited_seconds() const { return waited_; }

 private:
  std::vector<double> gather(bool leaves, std::span<const double> terms);

  comm::Group& group_;
  const parallel::Workers& workers_;
  std::vector<int64_t> widths_;
  std::function<void(bool begins)> waits_;
  std::optional<Plan> plan_;
  size_t next_ = 0;  // meeting of this step; none to come where it is their number
  std::optional<int64_t> first_not_finite_;
  double waited_ = 0;
};

}  // namespace lockstep::dist
