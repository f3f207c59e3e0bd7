#include "lockstep/dist/plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/dist/gradient_tree.h"

namespace lockstep::dist {
namespace {

TEST(Plan, MicrobatchesCoverTheSamplesOnceInOrder) {
  for (const int64_t samples : {1, 5, 31, 32, 33, 64, 100, 257}) {
    for (const int64_t microbatch : {1, 5, 32, 300}) {
      const Plan plan(samples, microbatch, 1);
      int64_t next = 0;
      for (int64_t m = 0; m < plan.microbatches(); ++m) {
        EXPECT_EQ(plan.samples_of(m).begin, next);
        EXPECT_GT(plan.samples_of(m).size(), 0);
        EXPECT_LE(plan.samples_of(m).size(), microbatch);
        const bool last = m + 1 == plan.microbatches();
        EXPECT_TRUE(last || plan.samples_of(m).size() == microbatch) << "only the last is smaller";
        next = plan.samples_of(m).end;
      }
      EXPECT_EQ(next, samples);
    }
  }
}

TEST(Plan, TheCutDoesNotDependOnTheRanks) {
  for (int ranks = 1; ranks < 20; ++ranks) {
    const Plan plan(333, 10, ranks);
    const Plan alone(333, 10, 1);
    ASSERT_EQ(plan.microbatches(), alone.microbatches());
    for (int64_t m = 0; m < plan.microbatches(); ++m) EXPECT_EQ(plan.samples_of(m), alone.samples_of(m));
  }
}

void expect_cover(int64_t microbatches, int ranks) {
  const Plan plan(microbatches * 4 - 3, 4, ranks);
  ASSERT_EQ(plan.microbatches(), microbatches);
  int64_t next = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const Range mine = plan.of_rank(rank);
    EXPECT_EQ(mine.begin, next);
    // As even as can be, but for a sixteenth part.
    EXPECT_GE(mine.size(), microbatches / ranks - microbatches / ranks / 16);
    EXPECT_LE(mine.size(), (microbatches + ranks - 1) / ranks + microbatches / ranks / 16);
    for (int64_t m = mine.begin; m < mine.end; ++m) EXPECT_EQ(plan.rank_of(m), rank);
    next = mine.end;
  }
  EXPECT_EQ(next, microbatches);
}

TEST(Plan, RanksCoverTheMicrobatchesOnceInOrderAndEvenly) {
  for (int64_t microbatches = 1; microbatches <= 40; ++microbatches) {
    for (int ranks = 1; ranks <= 45; ++ranks) expect_cover(microbatches, ranks);
  }
  for (const int64_t microbatches : {64, 100, 128, 333, 1000, 4096, 5000}) {
    for (const int ranks : {1, 2, 3, 5, 7, 16, 45}) expect_cover(microbatches, ranks);
  }
}

// What a rank stores: its gradient buffers, the parameters and one value of the optimizer for each that it
// owns, and as much as the parameters for what it receives from others; rank 0 gathers them all for a
// checkpoint.
TEST(Plan, ARankStoresFewTimesTheParameters) {
  constexpr int kThreads = 2;
  for (int ranks = 1; ranks <= 20; ++ranks) {
    for (int64_t microbatches = ranks; microbatches < 20000; microbatches += 1 + microbatches / 50) {
      const Plan plan(microbatches, 1, ranks);
      const double most = kThreads + std::log2(static_cast<double>(microbatches)) + 4;
      for (int rank = 0; rank < ranks; ++rank) {
        const double buffers = GradientTree::buffers_needed(kThreads, plan, rank);
        const double gathered = rank == 0 ? 1 : 0;
        EXPECT_LE(buffers + 1 + 1.0 / ranks + (ranks > 1 ? 1 : 0) + gathered, most)
            << microbatches << " on rank " << rank << " of " << ranks;
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::dist
