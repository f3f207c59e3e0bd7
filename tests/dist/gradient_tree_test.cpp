#include "lockstep/dist/gradient_tree.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <future>
#include <thread>

#include "rank_run.h"
#include "support/expect.h"

namespace lockstep::dist {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kParameters = 33;

// The most nodes that this rank's finished microbatches can make when all before some point are done, and one
// more buffer for the next microbatch: with fewer, nothing could be merged and nothing begun.
int64_t fewest_buffers(const Plan& plan, int rank) {
  const Range run = plan.of_rank(rank);
  size_t most = 0;
  for (int64_t end = run.begin; end < run.end; ++end) {
    most = std::max(most, nodes_of({run.begin, end}, plan.microbatches()).size());
  }
  return static_cast<int64_t>(most) + 1;
}

// Threads that do a step's microbatches with a tree, each taking a random time for each.
class Step {
 public:
  Step(GradientTree& tree, const Plan& plan, int rank) : tree_(tree), plan_(plan), rank_(rank) {}

  // Whether all threads ended by themselves in good time.
  bool run(int threads, bool delays) {
    tree_.begin(plan_, rank_);
    return end_in_time(
        threads, [&] { work(delays); }, [&] { tree_.cancel(); });
  }

  std::vector<float> sums() const { return sums_of(tree_, plan_, rank_); }
  std::vector<float> expected() const { return expected_sums(kParameters, plan_, rank_); }

  std::atomic<int64_t> given{0};

 private:
  void work(bool delays) {
    while (const auto leaf = tree_.next()) {
      ++given;
      if (delays) {
        RandomStream stream(6, Purpose::kTest, static_cast<uint32_t>(leaf->microbatches.begin));
        std::this_thread::sleep_for(std::chrono::microseconds(stream.below(300)));
      }
      const std::vector<float> values = leaf_values(leaf->microbatches.begin, kParameters);
      std::copy(values.begin(), values.end(), leaf->gradient);
      tree_.add(*leaf);
    }
  }

  GradientTree& tree_;
  const Plan& plan_;
  int rank_;
};

TEST(GradientTree, GivesTheSameBitsForAnyThreadsAndBuffers) {
  for (const int64_t microbatches : {1, 2, 7, 16, 21}) {
    for (const int ranks : {1, 2, 3}) {
      const Plan plan(microbatches, 1, ranks);
      for (int rank = 0; rank < ranks; ++rank) {
        for (const int threads : {1, 2, 5, 9}) {
          for (const int64_t more : {0, 1, 4, 30}) {
            GradientTree tree(kParameters, static_cast<int>(fewest_buffers(plan, rank) + more));
            Step step(tree, plan, rank);
            ASSERT_TRUE(step.run(threads, true)) << "stuck";
            EXPECT_EQ(step.given, plan.of_rank(rank).size());
            ASSERT_TRUE(test::same_bits(step.sums(), step.expected()))
                << microbatches << " microbatches, rank " << rank << " of " << ranks << ", " << threads
                << " threads";
          }
        }
      }
    }
  }
}

TEST(GradientTree, ServesStepAfterStep) {
  GradientTree tree(kParameters, 6);
  for (const int64_t microbatches : {16, 3, 11, 16, 1}) {
    const Plan plan(microbatches, 1, 1);
    Step step(tree, plan, 0);
    ASSERT_TRUE(step.run(4, false)) << "stuck";
    EXPECT_TRUE(test::same_bits(step.sums(), step.expected()));
  }
}

TEST(GradientTree, HandsOutMicrobatchesInAscendingOrder) {
  const Plan plan(30, 1, 2);
  GradientTree tree(kParameters, 40);
  tree.begin(plan, 1);
  for (int64_t m = 15; m < 30; ++m) EXPECT_EQ(tree.next()->microbatches.begin, m);
  EXPECT_FALSE(tree.next().has_value());
}

TEST(GradientTree, ARankWithoutMicrobatchesHasNothingToDo) {
  GradientTree tree(kParameters, 1);
  tree.begin(Plan(2, 1, 5), 0);
  EXPECT_FALSE(tree.next().has_value());
  EXPECT_TRUE(tree.partials().empty());
  EXPECT_EQ(tree.final_floats(), kParameters);
}

TEST(GradientTree, PartialsAreNodesThatCoverTheRun) {
  const Plan plan(29, 1, 2);
  GradientTree tree(kParameters, GradientTree::buffers_needed(3, plan, 1));
  Step step(tree, plan, 1);
  ASSERT_TRUE(step.run(3, true)) << "stuck";
  int64_t next = plan.of_rank(1).begin;
  for (const auto& partial : tree.partials()) {
    EXPECT_EQ(partial.leaves.begin, next);
    EXPECT_TRUE(is_node(partial.leaves, 29));
    next = partial.leaves.end;
  }
  EXPECT_EQ(next, plan.of_rank(1).end);
}

// Wherever a rank's run begins and ends: with fewer, all buffers could hold sums that cannot be merged yet.
TEST(BuffersNeeded, AreEnoughForEveryRankOfEveryPlan) {
  for (int ranks = 1; ranks <= 16; ++ranks) {
    for (int64_t microbatches = 1; microbatches <= 300; ++microbatches) {
      const Plan plan(microbatches, 1, ranks);
      for (const int threads : {1, 2, 3}) {
        for (int rank = 0; rank < ranks; ++rank) {
          const int64_t buffers = GradientTree::buffers_needed(threads, plan, rank);
          const int64_t one_each = std::max<int64_t>(plan.of_rank(rank).size(), 1);
          ASSERT_GE(buffers, std::min(fewest_buffers(plan, rank), one_each))
              << microbatches << " microbatches, rank " << rank << " of " << ranks << ", " << threads
              << " threads";
        }
      }
    }
  }
}

// 26 microbatches on two ranks: the second begins at an odd one, and its sums stay apart for longer.
TEST(BuffersNeeded, AreEnoughForOneThreadThatBeginsInsideTheTree) {
  const Plan plan(26, 1, 2);
  GradientTree tree(kParameters, GradientTree::buffers_needed(1, plan, 1));
  Step step(tree, plan, 1);
  ASSERT_TRUE(step.run(1, false)) << "stuck: all buffers hold sums that cannot be merged";
  EXPECT_TRUE(test::same_bits(step.sums(), step.expected()));
}

TEST(BuffersNeeded, StayWithinTheMemoryThatIsPromised) {
  for (int ranks = 1; ranks <= 16; ++ranks) {
    for (int64_t microbatches = 1; microbatches <= 300; ++microbatches) {
      const Plan plan(microbatches, 1, ranks);
      const int levels = std::bit_width(static_cast<uint64_t>(microbatches - 1));
      for (const int threads : {1, 2, 8, 64}) {
        for (int rank = 0; rank < ranks; ++rank) {
          const int buffers = GradientTree::buffers_needed(threads, plan, rank);
          ASSERT_LE(buffers, threads + levels + 4);
          ASSERT_LE(buffers, std::max<int64_t>(plan.of_rank(rank).size(), 1));
        }
      }
    }
  }
}

TEST(GradientTree, RecordsItsMerges) {
  const Plan plan(8, 1, 1);
  GradientTree tree(kParameters, GradientTree::buffers_needed(1, plan, 0));
  Timeline timeline;
  tree.begin(plan, 0);
  size_t leaves = 0;
  while (const auto leaf = tree.next(&timeline)) {
    std::fill_n(leaf->gradient, kParameters, 1.0f);
    tree.add(*leaf);
    ++leaves;
  }
  // Each merge makes one of two.
  EXPECT_EQ(timeline.spans().size(), leaves - tree.partials().size());
  EXPECT_GT(timeline.spans().size(), 0u);
  for (const TimeSpan& span : timeline.spans()) EXPECT_EQ(span.activity, Activity::kMergeTree);
}

TEST(GradientTree, IsFinalAsFarAsAllItsBranchesAre) {
  GradientTree tree(kParameters, 3);
  tree.begin(Plan(3, 1, 1), 0);
  const Branch first = *tree.next();
  const Branch second = *tree.next();
  tree.add(first);
  tree.reached(second, 20);
  EXPECT_EQ(tree.final_floats(), 0) << "the third is still to be handed out";
  const Branch third = *tree.next();
  EXPECT_EQ(tree.final_floats(), 0);
  tree.reached(third, 10);
  EXPECT_EQ(tree.final_floats(), 10);
  EXPECT_EQ(tree.partials().size(), 3u) << "those under way included";
  tree.add(third);
  EXPECT_EQ(tree.final_floats(), 20);
  tree.add(second);
  EXPECT_EQ(tree.final_floats(), kParameters);
}

// A branch whose gradient is final is still its thread's, which has to find it where it was.
TEST(GradientTree, OnlyBranchesThatCameBackAreMerged) {
  GradientTree tree(kParameters, 2);
  tree.begin(Plan(4, 1, 1), 0);
  const Branch first = *tree.next();
  const Branch second = *tree.next();
  tree.add(first);
  tree.reached(second, kParameters);
  auto third = std::async(std::launch::async, [&] { return tree.next(); });
  EXPECT_EQ(third.wait_for(50ms), std::future_status::timeout) << "the second has its buffer yet";
  tree.add(second);
  ASSERT_EQ(third.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(third.get()->microbatches, (Range{2, 3}));
}

// Branches that were to be handed out are missing, whatever those under way reach.
TEST(GradientTree, NothingIsFinalAfterACancel) {
  GradientTree tree(kParameters, 2);
  tree.begin(Plan(4, 1, 1), 0);
  const Branch first = *tree.next();
  tree.cancel();
  tree.reached(first, kParameters);
  EXPECT_EQ(tree.final_floats(), 0);
  tree.add(first);
  EXPECT_EQ(tree.final_floats(), 0);
}

TEST(GradientTree, CancelReleasesThreadsThatWait) {
  GradientTree tree(kParameters, 1);
  tree.begin(Plan(10, 1, 1), 0);
  const auto held = tree.next();
  ASSERT_TRUE(held.has_value());
  std::vector<std::future<bool>> waiting;
  for (int t = 0; t < 4; ++t) {
    waiting.push_back(std::async(std::launch::async, [&] { return tree.next().has_value(); }));
  }
  EXPECT_EQ(waiting[0].wait_for(50ms), std::future_status::timeout) << "there is no buffer for another";
  tree.cancel();
  for (auto& thread : waiting) {
    ASSERT_EQ(thread.wait_for(10s), std::future_status::ready);
    EXPECT_FALSE(thread.get());
  }
  EXPECT_FALSE(tree.next().has_value());
}

TEST(GradientTree, AfterACancelTheNextStepIsWhole) {
  GradientTree tree(kParameters, 5);
  const Plan plan(12, 1, 1);
  tree.begin(plan, 0);
  tree.next();
  tree.cancel();
  Step step(tree, plan, 0);
  ASSERT_TRUE(step.run(2, false)) << "stuck";
  EXPECT_TRUE(test::same_bits(step.sums(), step.expected()));
}

}  // namespace
}  // namespace lockstep::dist
