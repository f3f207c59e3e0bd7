// What threads did when, recorded where somebody asks for it; where nobody does, it costs a branch.
//
// A Recording has a Timeline for each thread of a rank. Code that does something worth a line of its own
// takes the timeline of its thread (parallel::Workers::timeline(), nn::Pass::timeline) and keeps a Timed
// alive meanwhile. Nothing ever reads a recording to decide anything, so results cannot depend on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace lockstep {

enum class Activity : uint8_t {
  kStep,        // index: which; on the main thread, which is the first
  kAwaitInput,  // until the loader has the samples
  kMicrobatch,  // index: which
  kUnpack,      // samples into the network's input
  kFprop,       // index: which layer, here and in the next two
  kBprop,       //
  kGrad,        // whatever number of microbatches it serves at once
  kLoss,        // and its derivative
  kMergeTree,   // two nodes of the gradient tree into one
  kAwaitWork,   // until other threads have left something to do
  kAgree,       // ranks tell each other what the step gave
  kReduction,   // from the tree to new parameters, on the main thread
  kReduce,      // sums over nodes and ranks for a piece of the parameters
  kAwaitRanks,  // until messages of other ranks are here
  kUpdate,      // of a piece of the parameters
  kCount
};

const char* activity_name(Activity activity);  // "fprop"

struct TimeSpan {
  Activity activity;
  int64_t index;  // which layer, microbatch or step; -1 where that says nothing
  int64_t begin;  // nanoseconds of the steady clock
  int64_t end;
  int64_t inner;  // nanoseconds of it in the spans directly inside

  int64_t own() const { return end - begin - inner; }
};

// One thread's spans, in the order in which they ended; those of one thread lie side by side or inside each
// other. Used by one thread at a time. On cache lines of its own.
class alignas(64) Timeline {
 public:
  const std::vector<TimeSpan>& spans() const { return spans_; }
  void clear() { spans_.clear(); }

 private:
  friend class Timed;
  std::vector<TimeSpan> spans_;
  int64_t inner_ = 0;  // of the span that is open
};

struct Recording {
  explicit Recording(int threads) : threads(static_cast<size_t>(threads)) {}
  void clear() {
    for (Timeline& timeline : threads) timeline.clear();
  }

  std::vector<Timeline> threads;
};

// A span from construction to destruction; nothing where the timeline is null.
class Timed {
 public:
  explicit Timed(Timeline* timeline, Activity activity, int64_t index = -1) : timeline_(timeline) {
    if (timeline_ == nullptr) return;
    outer_inner_ = std::exchange(timeline_->inner_, 0);
    span_ = {activity, index, now(), 0, 0};
  }
  ~Timed() {
    if (timeline_ == nullptr) return;
    span_.end = now();
    span_.inner = std::exchange(timeline_->inner_, outer_inner_ + span_.end - span_.begin);
    timeline_->spans_.push_back(span_);
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  static int64_t now() {
    const auto time = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  }

  Timeline* timeline_;
  int64_t outer_inner_;
  TimeSpan span_;
};

}  // namespace lockstep
