#include "lockstep/parallel/workers.h"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_scheduler_observer.h>

#include <atomic>

namespace lockstep::parallel {

namespace {

// Attached to the arena in use: an observer made without one would watch the default arena.
class EntryObserver : public tbb::task_scheduler_observer {
 public:
  EntryObserver(tbb::task_arena& arena, std::function<void()> on_entry)
      : tbb::task_scheduler_observer(arena), on_entry_(std::move(on_entry)) {
    observe(true);
  }
  ~EntryObserver() override { observe(false); }
  void on_scheduler_entry(bool) override { on_entry_(); }

 private:
  std::function<void()> on_entry_;
};

}  // namespace

struct Workers::Arena {
  // TBB would not start more threads than the machine has cores without being told that it may.
  tbb::global_control limit;
  tbb::task_arena arena;
  EntryObserver observer;
  Arena(int threads, std::function<void()> on_entry)
      : limit(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(threads)),
        arena(threads, 1),
        observer((arena.initialize(), arena), std::move(on_entry)) {}
};

Workers::Workers(int threads, std::function<void()> on_entry)
    : threads_(threads), arena_(std::make_unique<Arena>(threads, std::move(on_entry))) {}

Workers::~Workers() = default;

Timeline* Workers::timeline_of_slot() const {
  // The thread that calls for_each() has slot 0 there: the arena keeps it for whoever enters from outside.
  const int slot = tbb::this_task_arena::current_thread_index();
  const bool inside = slot >= 0 && slot < threads_;
  return &recording_->threads[inside ? static_cast<size_t>(slot) : 0];
}

void Workers::for_each(int64_t count, const std::function<void(int64_t, int)>& task) {
  std::atomic<int64_t> next{0};
  const auto take_until_none_is_left = [&] {
    const int slot = tbb::this_task_arena::current_thread_index();
    try {
      for (int64_t index = next++; index < count; index = next++) task(index, slot);
    } catch (...) {
      next = count;
      throw;
    }
  };
  const int64_t loops = std::min<int64_t>(threads_, count);
  arena_->arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, loops, 1), [&](const auto&) { take_until_none_is_left(); },
        tbb::simple_partitioner());
  });
}

}  // namespace lockstep::parallel
