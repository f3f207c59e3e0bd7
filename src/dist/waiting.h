// Waiting for other ranks, with the time it took.
#pragma once

#include <chrono>

#include "lockstep/parallel/workers.h"

namespace lockstep::dist {

class Waiting {
 public:
  // Recorded by these threads, where they record. The reference stays in use.
  explicit Waiting(const parallel::Workers& workers) : workers_(workers) {}

  template <class Action>
  void during(const Action& action) {
    const Timed timed(workers_.timeline(), Activity::kAwaitRanks);
    const auto start = std::chrono::steady_clock::now();
    action();
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  double seconds() const { return seconds_; }

 private:
  const parallel::Workers& workers_;
  double seconds_ = 0;
};

}  // namespace lockstep::dist
