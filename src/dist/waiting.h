// Waiting for other ranks, with the time it took.
#pragma once

#include <chrono>

namespace lockstep::dist {

class Waiting {
 public:
  template <class Action>
  void during(const Action& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  double seconds() const { return seconds_; }

 private:
  double seconds_ = 0;
};

}  // namespace lockstep::dist
