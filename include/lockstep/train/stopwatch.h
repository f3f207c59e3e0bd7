// Where the time of a run goes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace lockstep::train {

enum class Phase { kCompute, kReduction, kInput, kCheckpoint, kEvaluation, kCount };

class Stopwatch {
 public:
  // Seconds spent in action() are added to a phase.
  template <class Action>
  void during(Phase phase, const Action& action) {
    const auto start = Clock::now();
    action();
    add(phase, std::chrono::duration<double>(Clock::now() - start).count());
  }
  void add(Phase phase, double seconds) { seconds_[static_cast<size_t>(phase)] += seconds; }
  double of(Phase phase) const { return seconds_[static_cast<size_t>(phase)]; }
  double total() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  std::array<double, static_cast<size_t>(Phase::kCount)> seconds_{};
};

}  // namespace lockstep::train
