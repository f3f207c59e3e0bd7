// The threads of this rank.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "lockstep/core/recording.h"

namespace lockstep::parallel {

// A pool of threads, the calling one among them. Not collective; used by one thread at a time.
class Workers {
 public:
  // `on_entry` runs once on each thread before it works here, to set up libraries with per-thread settings.
  Workers(int threads, std::function<void()> on_entry);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const { return threads_; }

  // Calls task(index, slot) for each index in 0..count-1. Indices are handed out in ascending order, each to
  // the next thread that is free; slot (0..threads-1) is the same for all calls that run on one thread, and
  // no two calls with one slot run at once. Returns when all are done; the first exception is thrown again
  // here, and then the indices not yet handed out are left out.
  void for_each(int64_t count, const std::function<void(int64_t index, int slot)>& task);

  // From now on what the threads do is recorded there, a timeline a slot; null: nowhere. Not during
  // for_each().
  void record(Recording* recording) { recording_ = recording; }
  // The calling thread's timeline: that of its slot inside for_each(), the first outside; null where nothing
  // is recorded. For the threads of this pool and the one that calls for_each().
  Timeline* timeline() const { return recording_ == nullptr ? nullptr : timeline_of_slot(); }

 private:
  Timeline* timeline_of_slot() const;

  struct Arena;
  int threads_;
  Recording* recording_ = nullptr;
  std::unique_ptr<Arena> arena_;
};

}  // namespace lockstep::parallel
