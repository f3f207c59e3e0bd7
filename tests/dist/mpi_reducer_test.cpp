// Sums over the ranks against the sum that one process computes alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <thread>

#include "lockstep/core/error.h"
#include "lockstep/dist/reducer.h"
#include "naive_tree.h"
#include "support/expect.h"
#include "support/hosts.h"
#include "support/world.h"

namespace lockstep::dist {
namespace {

using test::world;

constexpr int64_t kMostBlocks = 40;

const std::vector<float>& leaf_of_all(int64_t leaf) {
  static std::map<int64_t, std::vector<float>> known;
  const auto found = known.find(leaf);
  if (found != known.end()) return found->second;
  return known[leaf] = leaf_values(leaf, kMostBlocks * kBlock);
}

std::vector<float> leaf_gradient(int64_t leaf, int64_t parameters) {
  const std::vector<float>& all = leaf_of_all(leaf);
  return {all.begin(), all.begin() + parameters};
}

struct Layout {
  int64_t microbatches;
  int64_t blocks;
  int64_t bucket_blocks;
};

// Filled with NaN.
Buffer shared_values(Reducer& reducer, int64_t parameters) {
  Buffer values(parameters);
  std::fill_n(values.data(), parameters, std::numeric_limits<float>::quiet_NaN());
  reducer.share(values);
  return values;
}

// The sum over a group, as this rank's consumer and gather make of it.
class Reduction {
 public:
  Reduction(comm::Group& group, const std::string& kind, int64_t parameters, int64_t bucket_floats,
            int buffers = 40)
      : group_(group),
        parameters_(parameters),
        tree_(parameters, buffers),
        reducer_(make_reducer(kind, group, workers_, parameters, bucket_floats)) {
    reducer_->share(tree_);
  }

  std::vector<float> sum(int64_t microbatches, bool gathered = true) {
    const Plan plan(microbatches, 1, group_.size());
    begin(plan);
    // Two leaves at once, as two threads have them, each in several strides.
    while (const auto first = tree_.next()) {
      const auto second = leaves_at_once_ > 1 ? tree_.next() : std::nullopt;
      for (int64_t at = 0; at < parameters_; at += kStride) {
        write(*first, at);
        if (second) write(*second, at);
      }
      tree_.add(*first);
      if (second) tree_.add(*second);
      reducer_->advance();
    }
    Buffer values = shared_values(reducer(), parameters_);
    consumed_ = 0;
    const auto consumer = [&](Range range, const float* gradient) {
      EXPECT_EQ(range.begin % kBlock, 0);
      EXPECT_EQ(range.size() % kBlock, 0);
      std::this_thread::sleep_for(pause_);
      std::copy_n(gradient, range.size(), values.data() + range.begin);
      consumed_ += range.size();
    };
    hidden_ = reducer_->hidden_seconds();
    reducer_->finish(consumer, gathered ? values.data() : nullptr);
    if (gathered) await(values);
    return {values.data(), values.data() + parameters_};
  }

  // A step that fails on one rank after some of the gradient, before its end.
  void fail(int64_t microbatches) {
    begin(Plan(microbatches, 1, group_.size()));
    if (const auto leaf = tree_.next(); leaf && group_.rank() != group_.size() - 1) {
      write(*leaf, 0);
      while (const auto more = tree_.next()) tree_.add(*more);
      tree_.add(*leaf);
      reducer_->advance();
    }
    tree_.cancel();
    reducer_->abandon();
  }

  int64_t consumed() const { return consumed_; }
  // Seconds that something was under way before finish().
  double hidden() const { return hidden_; }
  Reducer& reducer() { return *reducer_; }
  void use_leaves_at_once(int leaves) { leaves_at_once_ = leaves; }
  void pause_before_sums_are_read(std::chrono::milliseconds pause) { pause_ = pause; }

 private:
  static constexpr int64_t kStride = kBlock / 2;

  void begin(const Plan& plan) {
    tree_.begin(plan, group_.rank());
    reducer_->begin(tree_, plan);
  }
  // From the end to the start, as two threads on their way forward do that.
  void await(const Buffer& values) {
    constexpr int64_t kLayer = 3 * kBlock;
    workers_.for_each(2, [&](int64_t, int) {
      for (int64_t end = parameters_; end > 0; end -= kLayer) {
        const int64_t from = std::max<int64_t>(end - kLayer, 0);
        if (!reducer_->has_gathered(from)) reducer_->await_gathered(from);
        EXPECT_TRUE(
            std::none_of(values.data() + from, values.data() + end, [](float v) { return std::isnan(v); }));
      }
    });
    EXPECT_TRUE(reducer_->has_gathered(0));
  }
  void write(const Branch& leaf, int64_t at) {
    const std::vector<float>& gradient = leaf_of_all(leaf.microbatches.begin);
    const int64_t end = std::min(at + kStride, parameters_);
    std::copy(gradient.begin() + at, gradient.begin() + end, leaf.gradient + at);
    tree_.reached(leaf, end);
    reducer_->advance();
  }

  comm::Group& group_;
  int64_t parameters_;
  parallel::Workers workers_{2, [] {}};
  GradientTree tree_;
  std::unique_ptr<Reducer> reducer_;
  std::atomic<int64_t> consumed_{0};
  int leaves_at_once_ = 1;
  std::chrono::milliseconds pause_{0};
  double hidden_ = 0;
};

std::vector<float> sum_of_one_process(const Layout& layout) {
  const auto alone = comm::group_of_one();
  return Reduction(*alone, "ordered", layout.blocks * kBlock, layout.bucket_blocks * kBlock)
      .sum(layout.microbatches);
}

std::vector<Layout> layouts() {
  std::vector<Layout> all;
  for (const int64_t microbatches : {1, 2, 3, 5, 8, 13, 22}) {
    for (const int64_t blocks : {1, 2, 3, 7, 40}) {
      for (const int64_t bucket_blocks : {1, 3, 6, 64}) all.push_back({microbatches, blocks, bucket_blocks});
    }
  }
  return all;
}

// Some of them, for tests that are repeated on many placings of the ranks: fewer microbatches than ranks,
// runs that end inside the tree, slices of nothing, buckets under way in several rounds.
std::vector<Layout> few_layouts() {
  return {{1, 3, 64}, {2, 7, 3}, {3, 1, 1}, {5, 40, 6}, {8, 40, 64}, {13, 7, 1}, {22, 40, 3}};
}

std::string describe(const Layout& l) {
  return text(l.microbatches, " microbatches, ", l.blocks, " blocks, ", l.bucket_blocks, " a bucket");
}

TEST(OneProcess, SumsAlongTheTreeOfTheDefinition) {
  for (const int64_t microbatches : {1, 3, 8, 13}) {
    const std::vector<float> expected =
        naive_sum<float>({0, microbatches}, [](int64_t leaf) { return leaf_gradient(leaf, 7 * kBlock); });
    EXPECT_TRUE(test::same_bits(sum_of_one_process({microbatches, 7, 3}), expected));
  }
}

// Where the ranks of the tests may lie: on one host, neighbours or not on several, each on one of its own.
std::vector<std::vector<int>> placings() {
  const size_t ranks = static_cast<size_t>(world().size());
  std::vector<std::vector<int>> all;
  for (const std::vector<int>& of_four :
       {std::vector{0, 0, 0, 0}, {0, 0, 1, 1}, {0, 1, 1, 1}, {0, 1, 0, 1}, {0, 0, 1, 0}, {0, 1, 2, 3}}) {
    const std::vector<int> hosts(of_four.begin(), of_four.begin() + static_cast<int64_t>(ranks));
    if (std::find(all.begin(), all.end(), hosts) == all.end()) all.push_back(hosts);
  }
  return all;
}

class OrderedOnHosts : public ::testing::TestWithParam<std::vector<int>> {
 protected:
  test::OnHosts group_{world(), GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Placings, OrderedOnHosts, ::testing::ValuesIn(placings()));

TEST_P(OrderedOnHosts, HasTheBitsThatOneProcessComputesAlone) {
  for (const Layout& layout : few_layouts()) {
    Reduction reduction(group_, "ordered", layout.blocks * kBlock, layout.bucket_blocks * kBlock);
    EXPECT_TRUE(test::same_bits(reduction.sum(layout.microbatches), sum_of_one_process(layout)))
        << describe(layout);
  }
}

TEST_P(OrderedOnHosts, HasTheseBitsAlsoWhereSeveralLeavesEndTogether) {
  for (const Layout& layout : few_layouts()) {
    Reduction reduction(group_, "ordered", layout.blocks * kBlock, layout.bucket_blocks * kBlock);
    reduction.use_leaves_at_once(2);
    EXPECT_TRUE(test::same_bits(reduction.sum(layout.microbatches), sum_of_one_process(layout)))
        << describe(layout);
  }
}

TEST_P(OrderedOnHosts, WhatIsFinalLeavesBeforeTheRest) {
  Reduction ordered(group_, "ordered", 9 * kBlock, 4 * kBlock);
  ordered.sum(8);
  EXPECT_GT(ordered.hidden(), 0);
  Reduction plain(world(), "mpi", 9 * kBlock, 4 * kBlock);
  plain.sum(8);
  EXPECT_EQ(plain.hidden(), 0) << "MPI's begins at the end";
}

// Ranks that are well have sent some of it by then. What they have begun must end, or MPI could not.
TEST_P(OrderedOnHosts, AStepThatFailsOnOneRankLeavesNothingUnderWay) {
  for (const int64_t microbatches : {1, 3, 8, 22}) {
    Reduction reduction(group_, "ordered", 9 * kBlock, 2 * kBlock);
    reduction.fail(microbatches);
    EXPECT_TRUE(test::same_bits(reduction.sum(microbatches), sum_of_one_process({microbatches, 9, 2})));
  }
}

// The last minibatch of an epoch is smaller; some ranks then have nothing.
TEST_P(OrderedOnHosts, TakesMinibatchesOfAnySizeOneAfterTheOther) {
  Reduction reduction(group_, "ordered", 9 * kBlock, 4 * kBlock);
  for (const int64_t microbatches : {13, 1, 22, 2, 13, 3}) {
    EXPECT_TRUE(test::same_bits(reduction.sum(microbatches), sum_of_one_process({microbatches, 9, 4})))
        << microbatches;
  }
}

// A rank reads others' gradients where they are. Without a gather nothing else keeps these from the next
// step, in which other ranks have other leaves.
TEST_P(OrderedOnHosts, ARankThatIsBehindStillReadsTheStepThatItIsAt) {
  const std::vector<int64_t> steps = {13, 22, 8};
  std::vector<std::vector<float>> expected;
  for (const int64_t microbatches : steps) expected.push_back(sum_of_one_process({microbatches, 9, 4}));
  Reduction reduction(group_, "ordered", 9 * kBlock, 4 * kBlock);
  if (group_.rank() == 0) reduction.pause_before_sums_are_read(std::chrono::milliseconds(20));
  for (size_t s = 0; s < steps.size(); ++s) {
    const std::vector<float> found = reduction.sum(steps[s], false);
    reduction.reducer().for_each_owned([&](Range range) {
      EXPECT_TRUE(std::equal(found.begin() + range.begin, found.begin() + range.end,
                             expected[s].begin() + range.begin))
          << steps[s];
    });
  }
}

TEST_P(OrderedOnHosts, FewBuffersChangeNoBit) {
  Reduction reduction(group_, "ordered", 9 * kBlock, 4 * kBlock, 9);
  EXPECT_TRUE(test::same_bits(reduction.sum(22), sum_of_one_process({22, 9, 4})));
}

// Every parameter is summed, and its optimizer state held, by one rank.
TEST_P(OrderedOnHosts, EachParameterHasOneOwner) {
  for (const Layout& layout : few_layouts()) {
    const int64_t parameters = layout.blocks * kBlock;
    Reduction reduction(group_, "ordered", parameters, layout.bucket_blocks * kBlock);
    reduction.sum(layout.microbatches, false);
    const std::vector<std::string> counts = world().gather_texts(std::to_string(reduction.consumed()));
    int64_t total = 0;
    for (const std::string& count : counts) total += std::stoll(count);
    EXPECT_EQ(total, parameters) << describe(layout);
    std::atomic<int64_t> owned{0};
    reduction.reducer().for_each_owned([&](Range range) { owned += range.size(); });
    EXPECT_EQ(owned, reduction.consumed()) << "for_each_owned() and finish() should agree";
  }
}

float value_at(int64_t place) { return static_cast<float>(place) * 0.5f + 1; }

void write_owned(Reducer& reducer, float factor, float* values) {
  reducer.for_each_owned([&](Range range) {
    for (int64_t i = range.begin; i < range.end; ++i) values[i] = factor * value_at(i);
  });
}

std::vector<float> all_values(int64_t parameters, float factor = 1) {
  std::vector<float> values;
  for (int64_t i = 0; i < parameters; ++i) values.push_back(factor * value_at(i));
  return values;
}

TEST_P(OrderedOnHosts, CompletesAVectorAsOftenAsAsked) {
  for (const Layout& layout : few_layouts()) {
    const int64_t parameters = layout.blocks * kBlock;
    Reduction reduction(group_, "ordered", parameters, layout.bucket_blocks * kBlock);
    Buffer values = shared_values(reduction.reducer(), parameters);
    for (const float factor : {1.0f, 2.0f, 3.0f}) {
      write_owned(reduction.reducer(), factor, values.data());
      reduction.reducer().gather(values.data());
      reduction.reducer().await_gathered(0);
      EXPECT_TRUE(test::same_bits(std::vector<float>(values.data(), values.data() + parameters),
                                  all_values(parameters, factor)))
          << describe(layout);
      group_.barrier();  // before anything is written again
    }
  }
}

TEST(OrderedReducer, HasTheBitsThatOneProcessComputesAloneInAllLayouts) {
  for (const Layout& layout : layouts()) {
    Reduction reduction(world(), "ordered", layout.blocks * kBlock, layout.bucket_blocks * kBlock);
    EXPECT_TRUE(test::same_bits(reduction.sum(layout.microbatches), sum_of_one_process(layout)))
        << describe(layout);
  }
}

class Gathering : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Reducers, Gathering, ::testing::Values("ordered", "mpi"));

TEST_P(Gathering, CompletesAVectorOnEveryRank) {
  for (const Layout& layout : layouts()) {
    const int64_t parameters = layout.blocks * kBlock;
    Reduction reduction(world(), GetParam(), parameters, layout.bucket_blocks * kBlock);
    Buffer values = shared_values(reduction.reducer(), parameters);
    write_owned(reduction.reducer(), 1, values.data());
    reduction.reducer().gather(values.data());
    reduction.reducer().await_gathered(0);
    EXPECT_TRUE(test::same_bits(std::vector<float>(values.data(), values.data() + parameters),
                                all_values(parameters)))
        << describe(layout);
  }
}

TEST_P(Gathering, CompletesOneNumberABlockOnEveryRank) {
  for (const Layout& layout : layouts()) {
    Reduction reduction(world(), GetParam(), layout.blocks * kBlock, layout.bucket_blocks * kBlock);
    std::vector<double> values(static_cast<size_t>(layout.blocks), std::nan(""));
    std::vector<double> expected;
    reduction.reducer().for_each_owned([&](Range range) {
      for (int64_t b = range.begin / kBlock; b < range.end / kBlock; ++b) {
        values[static_cast<size_t>(b)] = 1.0 / static_cast<double>(b + 1);
      }
    });
    for (int64_t b = 0; b < layout.blocks; ++b) expected.push_back(1.0 / static_cast<double>(b + 1));
    reduction.reducer().gather_blocks(values);
    EXPECT_TRUE(test::same_bits(values, expected)) << describe(layout);
  }
}

TEST_P(Gathering, CollectsAVectorOnTheFirstRank) {
  for (const Layout& layout : layouts()) {
    const int64_t parameters = layout.blocks * kBlock;
    Reduction reduction(world(), GetParam(), parameters, layout.bucket_blocks * kBlock);
    std::vector<float> mine(static_cast<size_t>(parameters), std::numeric_limits<float>::quiet_NaN());
    write_owned(reduction.reducer(), 1, mine.data());
    std::vector<float> values = mine;
    reduction.reducer().collect(values.data()).wait();
    EXPECT_TRUE(test::same_bits(values, world().rank() == 0 ? all_values(parameters) : mine))
        << describe(layout);
  }
}

TEST(MpiReducer, HasTheSumToRounding) {
  for (const Layout& layout : layouts()) {
    Reduction reduction(world(), "mpi", layout.blocks * kBlock, layout.bucket_blocks * kBlock);
    const std::vector<float> found = reduction.sum(layout.microbatches);
    const std::vector<float> expected = sum_of_one_process(layout);
    for (size_t i = 0; i < found.size(); ++i) {
      double sizes = 0;
      for (int64_t leaf = 0; leaf < layout.microbatches; ++leaf) {
        sizes += std::fabs(static_cast<double>(leaf_of_all(leaf)[i]));
      }
      ASSERT_NEAR(static_cast<double>(found[i]), static_cast<double>(expected[i]), 1e-6 * sizes)
          << describe(layout);
    }
  }
}

TEST(Reducers, TellWhatTheyWaited) {
  for (const char* kind : {"ordered", "mpi"}) {
    Reduction reduction(world(), kind, 9 * kBlock, 4 * kBlock);
    reduction.sum(8);
    for (const double seconds :
         {reduction.reducer().waited_seconds(), reduction.reducer().hidden_seconds()}) {
      EXPECT_GE(seconds, 0);
      EXPECT_LT(seconds, 60);
    }
  }
}

}  // namespace
}  // namespace lockstep::dist
