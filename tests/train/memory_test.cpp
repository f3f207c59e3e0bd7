// What a run will hold, before it holds it, and what is said where a host has not that much.
#include "lockstep/train/memory.h"

#include <gtest/gtest.h>

#include <numeric>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/dist/reducer.h"
#include "lockstep/kernels/layout.h"
#include "small_run.h"
#include "support/expect.h"

namespace lockstep::train {
namespace {

constexpr int64_t kMega = 1000000;

// Each rank on a host of its own.
dist::Teams apart(int ranks) {
  std::vector<int> hosts(static_cast<size_t>(ranks));
  std::iota(hosts.begin(), hosts.end(), 0);
  return dist::Teams(hosts);
}

MemoryEstimate estimate(const Options& options, int threads = 2, const dist::Teams& teams = apart(1),
                        int rank = 0) {
  const data::Dataset dataset = small_dataset();
  return estimate_memory(options, dataset, make_model(options, dataset.info), threads, teams, rank);
}

Model small_model() { return make_model(small_options(), small_dataset().info); }

int64_t arena_bytes() { return small_model().network.layout().floats() * 4; }

TEST(MemoryEstimate, HasTheActivationsOfTheEnginesWorkspaces) {
  const Model model = small_model();
  const MemoryEstimate found = estimate(small_options(), 3);
  const int64_t columns = kernels::columns_for(6);
  EXPECT_EQ(found.activations, (model.network.workspace(columns).floats() + kClasses * columns) * 4);
  EXPECT_EQ(found.workspaces, 3);
  EXPECT_EQ(found.microbatch, 6);
  EXPECT_EQ(found.total(), found.dataset + found.parameters + found.gradients + 3 * found.activations);
}

TEST(MemoryEstimate, TakesNoMicrobatchLargerThanTheMinibatchOrTheDataset) {
  Options options = small_options();
  options.microbatch = 1000;
  EXPECT_EQ(estimate(options).microbatch, 20);
  options.batch_size = 1000;
  EXPECT_EQ(estimate(options).microbatch, kTrainRows);
}

// Buffers serve the largest minibatch, which may be yet to come.
TEST(MemoryEstimate, IsThatOfTheLargestMinibatchOfARun) {
  Options options = small_options();
  options.microbatch = 1;
  options.batch_size = 50;
  const MemoryEstimate large = estimate(options, 1, apart(3), 1);
  options.batch_size = 2;
  EXPECT_LT(estimate(options, 1, apart(3), 1).gradients, large.gradients);
  options.batch_size = *BatchSizes::parse("2, 50 after 3, 4 after 4");
  EXPECT_EQ(estimate(options, 1, apart(3), 1).total(), large.total());
  options.microbatch = 1000;
  EXPECT_EQ(estimate(options).microbatch, 50);
}

// Beside its blocks: a rank's samples of the step, and of those that are fetched ahead of it.
TEST(MemoryEstimate, HasTheMinibatchesOfADatasetThatIsReadFromItsFile) {
  const Options options = small_options();
  data::Dataset dataset = small_dataset();
  const Model model = make_model(options, dataset.info);
  dataset.in_memory = false;
  const auto samples = [&](int ranks, int rank) {
    const int64_t bytes = estimate_memory(options, dataset, model, 1, apart(ranks), rank).dataset;
    return (bytes - dataset.memory_bytes) / row_bytes(dataset.info);
  };
  EXPECT_EQ(samples(1, 0), 4 * 24) << "four microbatches of six, for twenty samples";
  EXPECT_EQ(samples(2, 1), 4 * 12);
}

TEST(MemoryEstimate, GrowsWithTheMicrobatch) {
  Options options = small_options();
  options.batch_size = options.microbatch = 16;
  const int64_t few = estimate(options).activations;
  options.batch_size = options.microbatch = 48;
  EXPECT_NEAR(static_cast<double>(estimate(options).activations), 3.0 * static_cast<double>(few),
              0.2 * static_cast<double>(few));
}

TEST(MemoryEstimate, CountsTheOptimizersStateAndTheCheckpointsCopy) {
  Options options = small_options();
  options.momentum = 0;
  EXPECT_EQ(estimate(options).parameters, arena_bytes());
  EXPECT_EQ(estimate(small_options()).parameters, 2 * arena_bytes()) << "momentum";
  options.optimizer = "adam";
  EXPECT_EQ(estimate(options).parameters, 3 * arena_bytes());
  options.clip_norm = 1;
  EXPECT_EQ(estimate(options).parameters, 4 * arena_bytes());
  options.checkpoint = "run.ckpt";
  EXPECT_EQ(estimate(options).parameters, 7 * arena_bytes()) << "of the parameters and two arrays of state";
}

// Of two ranks each owns half of the state, and receives the other's sum for its half.
TEST(MemoryEstimate, OfARankHasItsShareOfTheState) {
  const MemoryEstimate found = estimate(small_options(), 1, apart(2), 1);
  const dist::Plan plan(20, 6, 2);
  const int64_t received = dist::reducer_floats("ordered", plan, 1, apart(2), arena_bytes() / 4, 1 << 20) * 4;
  EXPECT_NEAR(static_cast<double>(received), static_cast<double>(arena_bytes()) / 2, kBlock * 4.0);
  EXPECT_EQ(found.parameters, arena_bytes() + arena_bytes() / 2 + received);
}

// Each microbatch of a rank has its workspace and gradient, from its start to the step's end.
TEST(MemoryEstimate, HoldsAllMicrobatchesThatGoTogether) {
  Options options = small_options();  // four microbatches a step
  options.layers[2].line = "batchnorm statistics=minibatch";
  const MemoryEstimate alone = estimate(options, 2);
  EXPECT_TRUE(alone.together);
  EXPECT_EQ(alone.workspaces, 4);
  EXPECT_EQ(alone.total(), alone.dataset + alone.parameters + alone.gradients + 4 * alone.activations);
  const MemoryEstimate half = estimate(options, 2, apart(2), 1);
  EXPECT_EQ(half.workspaces, 2);
  EXPECT_EQ(2 * half.gradients, alone.gradients);
  EXPECT_EQ(estimate(options, 3, apart(16), 1).workspaces, 3) << "evaluation takes one a thread";
  options.layers[2].line = "batchnorm";
  EXPECT_FALSE(estimate(options).together);
}

TEST(MemoryEstimate, OfAnEvaluationHasNoGradients) {
  const data::Dataset dataset = small_dataset();
  const MemoryEstimate found =
      estimate_memory(small_options(), dataset, small_model(), 2, apart(1), 0, RunKind::kEvaluation);
  EXPECT_EQ(found.gradients, 0);
  EXPECT_EQ(found.parameters, arena_bytes());
  EXPECT_EQ(found.activations, estimate(small_options()).activations);
}

TEST(ReducerFloats, AreNoneForARankAloneAndAllForMpis) {
  const dist::Plan plan(64, 1, 1);
  EXPECT_EQ(dist::reducer_floats("ordered", plan, 0, apart(1), 100 * kBlock, 10 * kBlock), 0);
  EXPECT_EQ(dist::reducer_floats("mpi", plan, 0, apart(1), 100 * kBlock, 10 * kBlock), 100 * kBlock);
}

// Rank 2 of 3 has microbatches 5, 6 and 7 of 8: the others' runs are the nodes 0 and 1 of two leaves, and 2
// to 3 and 4; of each, a third of the buckets under way, as many as take no more than the parameters: all ten
// here.
TEST(ReducerFloats, AreTheOthersNodesOfTheBucketsUnderWay) {
  const dist::Plan plan(8, 1, 3);
  size_t nodes = 0;
  for (const int other : {0, 1}) nodes += dist::nodes_of(plan.of_rank(other), 8).size();
  EXPECT_EQ(dist::reducer_floats("ordered", plan, 2, apart(3), 60 * kBlock, 6 * kBlock),
            static_cast<int64_t>(nodes) * 10 * 2 * kBlock);
}

// Two hosts of two ranks, each with one node of the tree. A rank receives one node of the other team for its
// quarter; what its own team has, it sees.
TEST(ReducerFloats, AreNoneForWhatATeamHas) {
  const dist::Plan plan(8, 1, 4);
  const int64_t parameters = 64 * kBlock;
  EXPECT_EQ(dist::reducer_floats("ordered", plan, 1, dist::Teams({0, 0, 1, 1}), parameters, 8 * kBlock),
            parameters / 4);
  EXPECT_EQ(dist::reducer_floats("ordered", plan, 1, dist::Teams({0, 0, 0, 0}), parameters, 8 * kBlock), 0);
}

class Shortage : public ::testing::Test {
 protected:
  Shortage() {
    for (const char* host : {"alpha", "beta", "beta"}) {
      comm::Placement placement;
      placement.host = host;
      placements_.push_back(placement);
      ranks_.push_back({needs(), 1000 * kMega});
    }
  }
  static MemoryEstimate needs() {
    MemoryEstimate estimate;
    estimate.dataset = 100 * kMega;
    estimate.parameters = 20 * kMega;
    estimate.gradients = 30 * kMega;
    estimate.activations = 100 * kMega;
    estimate.workspaces = 3;
    estimate.microbatch = 32;
    estimate.largest = 4;
    estimate.largest_bytes = 77 * kMega;
    return estimate;
  }
  std::string message() const { return memory_shortage(model_, placements_, ranks_); }

  const Model model_ = small_model();
  std::vector<comm::Placement> placements_;
  std::vector<RankMemory> ranks_;
};

TEST_F(Shortage, IsNoneWhereTheRanksOfEachHostFit) {
  EXPECT_EQ(message(), "");
  for (RankMemory& rank : ranks_) rank.available = 900 * kMega;
  EXPECT_EQ(message(), "") << "450 MB each, two on beta";
}

TEST_F(Shortage, OfAHostIsOfItsRanksTogether) {
  ranks_[1].available = 899 * kMega;
  ranks_[2].needs.workspaces = 2;
  ranks_[0].available = 450 * kMega;
  EXPECT_EQ(message(), "");
  ranks_[2].needs.workspaces = 3;
  test::expect_parts(
      message(),
      {"a microbatch of 32 samples does not fit", "beta has 899 MB left", "the 2 ranks there need 900 MB",
       "rank 1: dataset 100 MB", "parameters and gradient buffers 50 MB",
       "activations 100 MB a thread x 3 threads", "layer 'linear 300' (small.cfg:1): 77 MB a thread",
       "take a smaller --microbatch or fewer --threads or fewer ranks on this host"});
}

TEST_F(Shortage, CountsOnceWhatTheRanksOfAHostShare) {
  for (const size_t rank : {1u, 2u}) {
    ranks_[rank].available = 800 * kMega;
    ranks_[rank].needs.dataset_held_by = 2;
  }
  EXPECT_EQ(message(), "");
  ranks_[2].available = 799 * kMega;
  test::expect_parts(
      message(), {"beta has 799 MB left", "the 2 ranks there need 800 MB", "dataset 100 MB once for all"});
}

TEST_F(Shortage, OfOneRankWithOneThreadLeavesTheMicrobatch) {
  ranks_[0].available = 200 * kMega;
  ranks_[0].needs.workspaces = 1;
  const std::string found = message();
  test::expect_parts(found, {"alpha has 200 MB left", "the rank there needs 250 MB"});
  EXPECT_TRUE(found.ends_with("; take a smaller --microbatch")) << found;
}

TEST_F(Shortage, ThatNoMicrobatchMendsIsAnsweredOtherwise) {
  ranks_[0].available = 140 * kMega;
  const std::string found = message();
  EXPECT_TRUE(found.ends_with("; take a smaller network or --in-memory no")) << found;
}

TEST_F(Shortage, IsAFailureOfTheRunOnAllRanks) {
  const auto group = comm::group_of_one();
  const std::vector<comm::Placement> one = {placements_[0]};
  require_memory(model_, *group, one, ranks_[0]);
  ranks_[0].available = 0;
  try {
    require_memory(model_, *group, one, ranks_[0]);
    FAIL() << "no error was reported";
  } catch (const comm::AgreedError& error) {
    EXPECT_EQ(error.kind(), Failure::kRuntime);
  }
}

}  // namespace
}  // namespace lockstep::train
