#include <gtest/gtest.h>

#include <cmath>

#include "layer_under_test.h"
#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

// Of one channel's samples, in double precision.
struct Moments {
  double mean = 0;
  double unbiased = 0;

  Moments(const Values& in, int64_t channel, int64_t positions, const Pass& pass) {
    std::vector<double> values;
    for (int64_t p = channel * positions; p < (channel + 1) * positions; ++p) {
      for (int64_t n = 0; n < pass.samples; ++n)
        values.push_back(static_cast<double>(in[static_cast<size_t>(p * pass.columns + n)]));
    }
    for (const double x : values) mean += x / static_cast<double>(values.size());
    for (const double x : values)
      unbiased += (x - mean) * (x - mean) / static_cast<double>(values.size() - 1);
  }
};

TEST(Batchnorm, GivesTheStatisticsOfItsSamplesTimesItsShareOfTheMinibatch) {
  LayerUnderTest layer("batchnorm", {{3, 2, 4}}, 5);
  layer.pass().minibatch = 20;
  layer.fprop();
  std::vector<Values> deltas = {Values(layer.inputs()[0].size())};
  std::vector<Values> gradients = layer.parameters();
  layer.backward(layer.output_delta(), false, deltas, gradients);
  for (int64_t c = 0; c < 3; ++c) {
    const Moments expected(layer.inputs()[0], c, 8, layer.pass());
    EXPECT_NEAR(static_cast<double>(gradients[2][static_cast<size_t>(c)]), 0.25 * expected.mean, 1e-6);
    EXPECT_NEAR(static_cast<double>(gradients[3][static_cast<size_t>(c)]), 0.25 * expected.unbiased, 1e-6);
  }
}

TEST(Batchnorm, TakesItsSamplesStatisticsInTrainingAndTheRunningOnesInEvaluation) {
  LayerUnderTest layer("batchnorm epsilon=0.01", {{3, 2, 4}}, 5);
  auto& p = layer.parameters();
  const std::vector<Values> before = {{2, -1, 0}, {0.5f, 0, 3}, {-1, 4, 0.5f}, {9, 0.25f, 0}};
  for (size_t i = 0; i < before.size(); ++i) p[i] = before[i];
  const auto expect_normalised = [&](const Values& output, const std::array<double, 3>& means,
                                     const std::array<double, 3>& variances) {
    for (size_t i = 0; i < output.size(); ++i) {
      if (!layer.is_sample(i)) continue;
      const size_t c = i / 8 / 16;
      const double x =
          (static_cast<double>(layer.inputs()[0][i]) - means[c]) / std::sqrt(variances[c] + 0.01);
      const double expected = static_cast<double>(before[0][c]) * x + static_cast<double>(before[1][c]);
      ASSERT_NEAR(static_cast<double>(output[i]), expected, 2e-6 * (1 + std::fabs(x)));
    }
  };
  std::array<double, 3> means{};
  std::array<double, 3> variances{};
  for (size_t c = 0; c < 3; ++c) {
    const Moments m(layer.inputs()[0], static_cast<int64_t>(c), 8, layer.pass());
    means[c] = m.mean;
    variances[c] = m.unbiased * 39 / 40;
  }
  expect_normalised(layer.fprop(), means, variances);
  layer.pass().training = false;
  expect_normalised(layer.fprop(), {-1, 4, 0.5}, {9, 0.25, 0});
}

TEST(Batchnorm, OfOneValueIsItsBiasWithoutDerivative) {
  LayerUnderTest layer("batchnorm", {{4, 1, 1}}, 1);
  const Values& output = layer.fprop();
  std::vector<Values> deltas = {Values(layer.inputs()[0].size(), 7.0f)};
  std::vector<Values> gradients = layer.parameters();
  layer.backward(layer.output_delta(), false, deltas, gradients);
  for (size_t c = 0; c < 4; ++c) {
    EXPECT_EQ(output[16 * c], layer.parameters()[1][c]);
    EXPECT_EQ(deltas[0][16 * c], 0.0f);
    EXPECT_EQ(gradients[2][c], layer.inputs()[0][16 * c]);
    EXPECT_EQ(gradients[3][c], 0.0f);
  }
}

TEST(Batchnorm, StartsAsPlainNormalisationWithStatisticsThatChangeNothing) {
  const Network network({3, 2, 2}, lines_of({"batchnorm momentum=0.75"}), {"he"});
  Values arena(static_cast<size_t>(network.layout().floats()));
  network.initialise(1, arena.data());
  const auto& p = network.layout().parameters();
  ASSERT_EQ(p.size(), 4u);
  const std::vector<std::pair<std::string, float>> expected = {
      {"weights", 1.0f}, {"bias", 0.0f}, {"running-mean", 0.0f}, {"running-variance", 1.0f}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(p[i].name, expected[i].first);
    EXPECT_EQ(p[i].keep, i < 2 ? std::nullopt : std::optional(0.75f));
    for (int64_t k = 0; k < 3; ++k)
      EXPECT_EQ(arena[static_cast<size_t>(p[i].offset + k)], expected[i].second);
  }
}

// What is learned is shared; the statistics are of what each layer sees.
TEST(Batchnorm, ThatSharesKeepsItsOwnStatistics) {
  SmallNetwork net({4, 1, 1},
                   {"batchnorm name=a", "tanh", "batchnorm share=a name=b momentum=0.5", "linear 2"}, 6);
  EXPECT_EQ(net.network.layout().parameters().size(), 8u);
  EXPECT_EQ(net.info("b", "running-mean").keep, std::optional(0.5f));
  const Values gradient = net.gradient(net.output_delta());
  for (const char* layer : {"a", "b"}) {
    SmallNetwork alone({4, 1, 1}, {"batchnorm name=a", "tanh", "batchnorm name=b", "linear 2"}, 6);
    alone.set_part("a", "bias", net.part(net.parameters, "a", "bias"));
    alone.set_part("b", "bias", net.part(net.parameters, "a", "bias"));
    const Values expected = alone.gradient(alone.output_delta());
    for (const char* name : {"running-mean", "running-variance"})
      EXPECT_TRUE(test::same_bits(net.part(gradient, layer, name), alone.part(expected, layer, name)));
  }
}

}  // namespace
}  // namespace lockstep::nn
