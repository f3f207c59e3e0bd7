// Communication in seconds: waited for, or hidden behind other work.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "lockstep/comm/group.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::dist {

// The time during which anything is under way, and how much of it this rank waits. Used by one thread at a
// time.
class Traffic {
 public:
  // Recorded by these threads, where they record. The reference stays in use.
  explicit Traffic(const parallel::Workers& workers) : workers_(workers) {}

  void started() {
    if (under_way_++ == 0) since_ = now();
  }
  void ended() {
    if (--under_way_ > 0) return;
    last_ended_ = now();
    busy_ += last_ended_ - since_;
  }

  // All of the rank waits while `action` is done.
  template <class Action>
  void wait(const Action& action) {
    const Timed timed(workers_.timeline(), Activity::kAwaitRanks);
    const double start = now();
    const double busy_before = busy();
    action();
    waited_ += now() - start;
    waited_in_traffic_ += busy() - busy_before;
  }
  // A share of the rank's threads has waited since `start`, when something was under way.
  void waited_since(double start, double share) {
    const double end = now();
    waited_ += share * (end - start);
    waited_in_traffic_ += share * ((under_way_ > 0 ? end : std::max(start, last_ended_)) - start);
  }

  double waited_seconds() const { return waited_; }
  double hidden_seconds() const { return busy() - waited_in_traffic_; }

  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

 private:
  double busy() const { return busy_ + (under_way_ > 0 ? now() - since_ : 0); }

  const parallel::Workers& workers_;
  int under_way_ = 0;
  double since_ = 0;
  double last_ended_ = 0;
  double busy_ = 0;
  double waited_ = 0;
  double waited_in_traffic_ = 0;
};

// What this rank sends, and what it gets for it. It is under way from when this rank has done its part, which
// others of its team may have to do before anything is sent.
class Exchange {
 public:
  // May be before start().
  void expect(comm::Request receives) { receives_ = std::move(receives); }
  void start(Traffic& traffic) {
    under_way_ = true;
    traffic.started();
  }
  void send(Traffic& traffic, comm::Request sends) {
    sends_ = std::move(sends);
    sent_ = true;
    test(traffic);  // where there is nobody to send to, it is over
  }
  bool test(Traffic& traffic) {
    if (under_way_ && sent_ && sends_.test() && receives_.test()) end(traffic);
    return !under_way_;
  }
  // Behind send().
  void wait(Traffic& traffic) {
    if (!under_way_) return;
    traffic.wait([&] { finish(traffic); });
  }
  // Likewise, where somebody else counts the time.
  void finish(Traffic& traffic) {
    if (!under_way_) return;
    receives_.wait();
    sends_.wait();
    end(traffic);
  }

 private:
  void end(Traffic& traffic) {
    under_way_ = false;
    traffic.ended();
  }

  comm::Request receives_;
  comm::Request sends_;
  bool under_way_ = false;
  bool sent_ = false;
};

}  // namespace lockstep::dist
