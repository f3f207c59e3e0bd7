// Values of different times share memory, those of one time do not, and layers read only what they say.
#include "nn/memory_plan.h"

#include <gtest/gtest.h>

#include <limits>

#include "gradient_cases.h"
#include "layer_under_test.h"
#include "lockstep/core/random.h"
#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

bool overlap(const Lifetime& a, int64_t at_a, const Lifetime& b, int64_t at_b) {
  return at_a < at_b + b.floats && at_b < at_a + a.floats;
}

TEST(MemoryPlan, KeepsApartWhatLivesAtTheSameTime) {
  RandomStream random(1, Purpose::kTest, 0);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> lifetimes;
    for (int i = 0; i < 30; ++i) {
      const int64_t first = static_cast<int64_t>(random.uniform() * 20.0f);
      lifetimes.push_back({1 + static_cast<int64_t>(random.uniform() * 100.0f), first,
                           first + static_cast<int64_t>(random.uniform() * 10.0f)});
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    for (size_t a = 0; a < lifetimes.size(); ++a) {
      EXPECT_LE(plan.offsets[a] + lifetimes[a].floats, plan.floats);
      for (size_t b = 0; b < a; ++b) {
        if (lifetimes[a].first > lifetimes[b].last || lifetimes[b].first > lifetimes[a].last) continue;
        EXPECT_FALSE(overlap(lifetimes[a], plan.offsets[a], lifetimes[b], plan.offsets[b]));
      }
    }
  }
}

TEST(MemoryPlan, GivesAChainTheMemoryOfTwoNeighbours) {
  std::vector<Lifetime> chain;
  for (int64_t i = 0; i < 10; ++i) chain.push_back({100, i, i + 1});
  EXPECT_EQ(plan_memory(chain).floats, 200);
}

TEST(Workspace, OfActivationsInPlaceIsThatOfOne) {
  const SmallNetwork one({512, 1, 1}, {"linear 512", "linear 1"}, 16);
  const SmallNetwork many({512, 1, 1}, {"linear 512", "dropout 0", "relu", "linear 1"}, 16);
  // dropout keeps its factors, relu nothing
  EXPECT_LE(many.workspace.floats(), one.workspace.floats() + 512 * 16);
}

TEST(WorkspaceSize, IsThatOfTheWorkspace) {
  for (const std::vector<std::string>& lines :
       {std::vector<std::string>{"conv 8 kernel=3", "relu", "maxpool 2", "dropout 0.5", "linear 3"},
        {"relu name=a", "conv 3 kernel=3 pad=1", "add from=a,conv1", "batchnorm", "subsample 2",
         "linear 7"}}) {
    for (const int64_t samples : {1, 16, 100}) {
      const SmallNetwork network({3, 12, 10}, lines, samples);
      const WorkspaceSize size = network.network.workspace_size(network.pass.columns);
      EXPECT_EQ(size.floats, network.workspace.floats());
      EXPECT_EQ(size.layers.size(), lines.size());
    }
  }
}

// What reads its output, or its input, backward has it while the derivative is there; pooling saves a byte an
// output beside.
TEST(WorkspaceSize, SaysWhatEachLayerHasAtOnce) {
  const SmallNetwork network({16, 8, 8}, {"conv 64 kernel=1", "relu", "maxpool 2", "linear 16"}, 16);
  const WorkspaceSize size = network.network.workspace_size(16);
  EXPECT_EQ(size.layers[0], 2 * 64 * 64 * 16);
  EXPECT_EQ(size.layers[1], size.layers[0]) << "in place";
  EXPECT_EQ(size.layers[2], 2 * 64 * 16 * 16 + 64 * 16 * 16 / 4);
  for (const int64_t layer : size.layers) EXPECT_LE(layer, size.floats);
}

class BackwardReadsTest : public ::testing::TestWithParam<LayerCase> {
 protected:
  BackwardReadsTest()
      : layer_(GetParam().line, GetParam().inputs, 5, 0, {}, GetParam().above),
        delta_(layer_.output_delta()) {
    for (const Values& input : layer_.inputs()) deltas_.emplace_back(input.size());
    for (const Values& parameter : layer_.parameters()) gradients_.emplace_back(parameter.size());
  }
  LayerUnderTest layer_;
  Values delta_;
  std::vector<Values> deltas_;
  std::vector<Values> gradients_;
};

INSTANTIATE_TEST_SUITE_P(Layers, BackwardReadsTest, ::testing::ValuesIn(layer_cases()));

// What a layer says that it does not read may hold anything by then.
TEST_P(BackwardReadsTest, IsAllThatBackwardReads) {
  layer_.fprop();
  layer_.backward(delta_, false, deltas_, gradients_);
  const std::vector<Values> deltas = deltas_;
  const std::vector<Values> gradients = gradients_;
  const BackwardReads reads = layer_.layer().backward_reads();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  if (!reads.inputs) {
    for (Values& input : layer_.inputs()) std::fill(input.begin(), input.end(), nan);
  }
  if (!reads.output) std::fill(layer_.output().begin(), layer_.output().end(), nan);
  layer_.backward(delta_, false, deltas_, gradients_);
  for (size_t k = 0; k < deltas.size(); ++k) EXPECT_TRUE(test::same_bits(deltas_[k], deltas[k]));
  for (size_t p = 0; p < gradients.size(); ++p) EXPECT_TRUE(test::same_bits(gradients_[p], gradients[p]));
}

// A layer that works in place gives the same bits in one memory as in two.
TEST_P(BackwardReadsTest, InPlaceOrApartTheBitsAreTheSame) {
  if (!layer_.layer().in_place()) return;
  const Values output = layer_.fprop();
  layer_.backward(delta_, false, deltas_, gradients_);
  const Values derivative = deltas_[0];
  layer_.backward_in_place(delta_);
  EXPECT_TRUE(test::same_bits(delta_, derivative));
  EXPECT_TRUE(test::same_bits(layer_.fprop_in_place(), output));
}

}  // namespace
}  // namespace lockstep::nn
