#include "lockstep/parallel/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lockstep::parallel {
namespace {

using namespace std::chrono_literals;

class WorkersOn : public ::testing::TestWithParam<int> {
 protected:
  Workers workers_{GetParam(), [] {}};
};

INSTANTIATE_TEST_SUITE_P(Threads, WorkersOn, ::testing::Values(1, 2, 3, 8),
                         ::testing::PrintToStringParamName());

TEST_P(WorkersOn, EveryIndexIsGivenOnce) {
  EXPECT_EQ(workers_.threads(), GetParam());
  for (const int64_t count : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> times(static_cast<size_t>(count));
    workers_.for_each(count, [&](int64_t index, int) { ++times[static_cast<size_t>(index)]; });
    for (const auto& t : times) EXPECT_EQ(t, 1);
  }
}

// Indices that were handed out but have not started yet are in the hands of the other threads.
TEST_P(WorkersOn, IndicesAreHandedOutInAscendingOrder) {
  std::atomic<int64_t> started{0};
  std::atomic<int> out_of_order{0};
  workers_.for_each(2000, [&](int64_t index, int) {
    const int64_t before = started++;
    if (before < index - (GetParam() - 1)) ++out_of_order;
  });
  EXPECT_EQ(out_of_order, 0);
}

TEST_P(WorkersOn, ASlotServesOneTaskAtATime) {
  std::vector<std::atomic<bool>> busy(static_cast<size_t>(GetParam()));
  std::atomic<int> wrong{0};
  workers_.for_each(500, [&](int64_t, int slot) {
    if (slot < 0 || slot >= GetParam() || busy[static_cast<size_t>(slot)].exchange(true)) {
      ++wrong;
      return;
    }
    std::this_thread::sleep_for(20us);
    busy[static_cast<size_t>(slot)] = false;
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(WorkersOn, ASlotHasATimelineWhileSomebodyRecords) {
  EXPECT_EQ(workers_.timeline(), nullptr);
  Recording recording(GetParam());
  workers_.record(&recording);
  EXPECT_EQ(workers_.timeline(), &recording.threads[0]);
  std::atomic<int> wrong{0};
  workers_.for_each(200, [&](int64_t, int slot) {
    if (workers_.timeline() != &recording.threads[static_cast<size_t>(slot)]) ++wrong;
    const Timed timed(workers_.timeline(), Activity::kUpdate);
    std::this_thread::sleep_for(20us);
  });
  EXPECT_EQ(wrong, 0);
  size_t spans = 0;
  for (const Timeline& timeline : recording.threads) spans += timeline.spans().size();
  EXPECT_EQ(spans, 200u);
  workers_.record(nullptr);
  workers_.for_each(10, [&](int64_t, int) { wrong += workers_.timeline() == nullptr ? 0 : 1; });
  EXPECT_EQ(wrong, 0);
}

TEST_P(WorkersOn, AnExceptionComesThroughAndThePoolGoesOn) {
  for (int repetition = 0; repetition < 20; ++repetition) {
    std::atomic<int64_t> done{0};
    try {
      workers_.for_each(1000000, [&](int64_t index, int) {
        ++done;
        if (index == 5) throw std::runtime_error("task 5");
      });
      FAIL() << "the exception did not come through";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "task 5");
    }
    EXPECT_LT(done, 1000000) << "what was not handed out yet should be left out";
    std::atomic<int64_t> sum{0};
    workers_.for_each(100, [&](int64_t index, int) { sum += index; });
    EXPECT_EQ(sum, 4950);
  }
}

TEST_P(WorkersOn, ManyExceptionsAtOnceAreOne) {
  EXPECT_THROW(workers_.for_each(100, [](int64_t, int) { throw std::runtime_error("all of them"); }),
               std::runtime_error);
}

// More threads than cores too: the machine has fewer than 8 or not, all have to be there at once.
TEST_P(WorkersOn, AllThreadsRunAtOnce) {
  std::mutex mutex;
  std::condition_variable arrived;
  int present = 0;
  std::atomic<bool> all{true};
  workers_.for_each(GetParam(), [&](int64_t, int) {
    std::unique_lock lock(mutex);
    ++present;
    arrived.notify_all();
    if (!arrived.wait_for(lock, 30s, [&] { return present == GetParam(); })) all = false;
  });
  EXPECT_TRUE(all) << present << " of " << GetParam() << " threads came";
}

thread_local int entries_here = 0;

TEST(Workers, EachThreadIsSetUpBeforeItWorks) {
  entries_here = 0;
  Workers workers(4, [] { ++entries_here; });
  std::atomic<int> not_set_up{0};
  for (int repetition = 0; repetition < 50; ++repetition) {
    workers.for_each(20, [&](int64_t, int) {
      if (entries_here == 0) ++not_set_up;
      std::this_thread::sleep_for(10us);
    });
  }
  EXPECT_EQ(not_set_up, 0);
}

TEST(Workers, PoolsMayFollowOneAnother) {
  for (const int threads : {1, 5, 2, 7}) {
    Workers workers(threads, [] {});
    std::atomic<int> count{0};
    workers.for_each(50, [&](int64_t, int slot) { count += slot < threads ? 1 : 0; });
    EXPECT_EQ(count, 50);
  }
}

}  // namespace
}  // namespace lockstep::parallel
