// Where a rank's main thread is, for those who watch that it moves on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace lockstep::comm {

// Written by the threads that are at the step, one after the other where it matters; read by any.
class Whereabouts {
 public:
  struct Now {
    int64_t step;
    const char* doing;
    double seconds;  // since it got there
  };

  // `doing` completes "rank 3 ..." and lives as long as the program: "waits for input".
  void at(int64_t step, const char* doing) {
    step_ = step;
    doing_ = doing;
    since_ = Clock::now().time_since_epoch().count();
  }
  Now now() const {
    const Clock::duration since(since_.load());
    return {step_, doing_, std::chrono::duration<double>(Clock::now().time_since_epoch() - since).count()};
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::atomic<int64_t> step_ = 0;
  std::atomic<const char*> doing_ = "starts";
  std::atomic<Clock::rep> since_ = Clock::now().time_since_epoch().count();
};

}  // namespace lockstep::comm
