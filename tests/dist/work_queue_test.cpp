// Whatever the threads, the widths of branches and the delays: every microbatch once, every piece once and
// after its microbatches, and sums along the tree.
#include "lockstep/dist/work_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "lockstep/core/random.h"
#include "rank_run.h"
#include "support/expect.h"

namespace lockstep::dist {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kQueueParameters = 40;
constexpr int64_t kPieces = 4;
constexpr int64_t kPieceFloats = kQueueParameters / kPieces;
constexpr int64_t kReachedAtOnce = 5;  // at times in the middle of a piece

std::vector<int64_t> piece_ends() {
  std::vector<int64_t> ends;
  for (int64_t p = 1; p <= kPieces; ++p) ends.push_back(p * kPieceFloats);
  return ends;
}

// A step whose microbatches leave their values in slots, and whose pieces sum them.
class QueueStep {
 public:
  // `early`: whether microbatches tell when part of the pieces can do with what they have left.
  QueueStep(const Plan& plan, int rank, int64_t width, int threads, bool early)
      : plan_(plan),
        rank_(rank),
        threads_(threads),
        early_(early),
        tree_(kQueueParameters, GradientTree::buffers_needed(2, plan, rank, width), width),
        slots_(static_cast<size_t>(width + threads)) {
    tree_.begin(plan, rank);
  }

  bool run() {
    WorkQueue queue(tree_, {static_cast<int64_t>(slots_.size()), piece_ends(), 2});
    return end_in_time(
        threads_, [&] { work(queue); }, [&] { queue.cancel(); });
  }

  std::vector<float> sums() const { return sums_of(tree_, plan_, rank_); }
  std::vector<float> expected() const { return expected_sums(kQueueParameters, plan_, rank_); }

 private:
  void work(WorkQueue& queue) {
    while (const auto work = queue.next()) {
      RandomStream stream(3, Purpose::kTest, static_cast<uint32_t>(work->microbatch));
      std::this_thread::sleep_for(std::chrono::microseconds(stream.below(200)));
      if (work->piece < 0) {
        take_microbatch(queue, *work);
      } else {
        take_piece(*work);
      }
      queue.done(*work);
    }
  }

  void take_microbatch(WorkQueue& queue, const Work& work) {
    const std::vector<float> values = leaf_values(work.microbatch, kQueueParameters);
    std::vector<float>& slot = slots_[static_cast<size_t>(work.slot)];
    slot.assign(values.size(), 1e30f);
    for (int64_t at = 0; at < kQueueParameters; at += kReachedAtOnce) {
      std::copy_n(values.begin() + at, kReachedAtOnce, slot.begin() + at);
      if (!early_) continue;
      queue.reached(work, at + kReachedAtOnce);
      while (const auto piece = queue.next_piece()) {
        take_piece(*piece);
        queue.done(*piece);
      }
    }
  }

  void take_piece(const Work& work) {
    std::vector<Partial<float>> partials;
    int64_t leaf = work.branch.microbatches.begin;
    for (const int64_t slot : work.slots) {
      partials.push_back({{leaf, leaf + 1}, slots_[static_cast<size_t>(slot)].data()});
      ++leaf;
    }
    ASSERT_EQ(leaf, work.branch.microbatches.end) << "a piece before its microbatches";
    const int64_t offset = work.piece * kPieceFloats;
    sum_node(work.branch.microbatches, partials, offset, kPieceFloats, work.branch.gradient + offset);
  }

  const Plan& plan_;
  int rank_;
  int threads_;
  bool early_;
  GradientTree tree_;
  std::vector<std::vector<float>> slots_;
};

TEST(WorkQueue, GivesTheSumsOfTheTreeForAnyThreadsAndWidths) {
  for (const int64_t microbatches : {1, 2, 7, 16, 37}) {
    for (const int ranks : {1, 2, 3}) {
      const Plan plan(microbatches, 1, ranks);
      for (int rank = 0; rank < ranks; ++rank) {
        for (const int64_t width : {1, 2, 4, 16}) {
          for (const int threads : {1, 2, 5}) {
            for (const bool early : {false, true}) {
              QueueStep step(plan, rank, width, threads, early);
              ASSERT_TRUE(step.run()) << "stuck";
              ASSERT_TRUE(test::same_bits(step.sums(), step.expected()))
                  << microbatches << " microbatches, rank " << rank << " of " << ranks << ", width " << width;
            }
          }
        }
      }
    }
  }
}

TEST(WorkQueue, WithoutPiecesHandsOutBranchesAsTheyAre) {
  const Plan plan(5, 1, 1);
  GradientTree tree(1, 5);
  tree.begin(plan, 0);
  WorkQueue queue(tree, {1, {}, 1});
  for (int64_t m = 0; m < 5; ++m) {
    const auto work = queue.next();
    ASSERT_TRUE(work.has_value());
    EXPECT_EQ(work->microbatch, m);
    EXPECT_LT(work->piece, 0);
    *work->branch.gradient = 1;
    queue.done(*work);
  }
  EXPECT_FALSE(queue.next().has_value());
  EXPECT_EQ(tree.partials().size(), 5u);
}

// Pieces may end in any order; what is final is what has nothing unfinished before it.
TEST(WorkQueue, TellsTheTreeHowFarItsBranchesAre) {
  const Plan plan(1, 1, 1);
  GradientTree tree(kQueueParameters, 1);
  tree.begin(plan, 0);
  WorkQueue queue(tree, {1, piece_ends(), 1});
  queue.done(*queue.next());
  std::vector<Work> pieces;
  for (int64_t p = 0; p < kPieces; ++p) pieces.push_back(*queue.next());
  const std::vector<std::pair<size_t, int64_t>> steps = {{1, 0}, {0, 2}, {3, 2}, {2, kPieces}};
  for (const auto& [piece, in_order] : steps) {
    queue.done(pieces[piece]);
    EXPECT_EQ(tree.final_floats(), in_order * kPieceFloats) << "after piece " << piece;
  }
}

// On one thread, whose last microbatch is on its way back.
TEST(WorkQueue, PiecesCanBeHadAsSoonAsAllMicrobatchesHaveLeftWhatTheyNeed) {
  const Plan plan(2, 1, 1);
  GradientTree tree(kQueueParameters, 1, 2);
  tree.begin(plan, 0);
  WorkQueue queue(tree, {2, piece_ends(), 1});
  const Work first = *queue.next();
  queue.reached(first, kQueueParameters);
  EXPECT_FALSE(queue.next_piece()) << "the other microbatch has left nothing";
  queue.done(first);
  const Work second = *queue.next();
  queue.reached(second, kPieceFloats - 1);
  EXPECT_FALSE(queue.next_piece());
  queue.reached(second, 2 * kPieceFloats);
  for (int64_t p = 0; p < 2; ++p) {
    const auto piece = queue.next_piece();
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->piece, p);
    EXPECT_FALSE(queue.next_piece()) << "whoever has that one can take the next too";
    queue.done(*piece);
    EXPECT_EQ(tree.final_floats(), (p + 1) * kPieceFloats);
  }
  EXPECT_FALSE(queue.next_piece());
  queue.done(second);
  EXPECT_EQ(queue.next()->piece, 2);
}

TEST(WorkQueue, CancelReleasesThreadsThatWaitForOthersMicrobatches) {
  const Plan plan(2, 1, 1);
  GradientTree tree(1, 1, 2);
  tree.begin(plan, 0);
  WorkQueue queue(tree, {2, {1}, 1});
  const auto first = queue.next();
  const auto second = queue.next();
  queue.done(*first);
  auto waiting = std::async(std::launch::async, [&] { return queue.next().has_value(); });
  EXPECT_EQ(waiting.wait_for(50ms), std::future_status::timeout) << "the piece cannot be there yet";
  queue.cancel();
  ASSERT_EQ(waiting.wait_for(10s), std::future_status::ready);
  EXPECT_FALSE(waiting.get());
}

}  // namespace
}  // namespace lockstep::dist
