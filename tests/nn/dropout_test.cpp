#include <gtest/gtest.h>

#include <cmath>

#include "layer_under_test.h"
#include "lockstep/core/error.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kFeatures = 1001;

// What dropout makes of ones: one sample's factors.
Values factors(Pass pass, int64_t sample, uint32_t position = 4, const std::string& line = "dropout 0.3") {
  LayerUnderTest layer(line, {{kFeatures, 1, 1}}, pass.samples, position);
  pass.columns = kernels::columns_for(pass.samples);
  layer.pass() = pass;
  std::fill(layer.inputs()[0].begin(), layer.inputs()[0].end(), 1.0f);
  const Values& output = layer.fprop();
  Values result;
  for (int64_t f = 0; f < kFeatures; ++f)
    result.push_back(output[static_cast<size_t>(f * pass.columns + sample)]);
  return result;
}

Pass training_pass(int64_t samples = 10, uint32_t first_sample = 0) {
  Pass pass;
  pass.samples = samples;
  pass.training = true;
  pass.seed = 1;
  pass.step = 2;
  pass.first_sample = first_sample;
  return pass;
}

TEST(Dropout, DropsItsShareAndScalesTheRest) {
  for (const double rate : {0.1, 0.5, 0.9}) {
    LayerUnderTest layer(text("dropout ", rate), {{kFeatures, 1, 1}}, 160);
    std::fill(layer.inputs()[0].begin(), layer.inputs()[0].end(), 2.0f);
    double dropped = 0;
    double sum = 0;
    const Values& output = layer.fprop();
    for (const float y : output) {
      EXPECT_TRUE(y == 0 || std::fabs(static_cast<double>(y) - 2 / (1 - rate)) < 1e-5) << y;
      dropped += y == 0 ? 1 : 0;
      sum += static_cast<double>(y);
    }
    const double count = static_cast<double>(output.size());
    const double five_sigma = 5 * std::sqrt(rate * (1 - rate) / count);
    EXPECT_NEAR(dropped / count, rate, five_sigma);
    EXPECT_NEAR(sum / count, 2, 2 * five_sigma / (1 - rate)) << "the mean should stay";
  }
}

TEST(Dropout, RateIsAHalfWhereNoneIsGiven) {
  const Values values = factors(training_pass(), 0, 4, "dropout");
  for (const float value : values) EXPECT_TRUE(value == 0 || value == 2) << value;
}

TEST(Dropout, OfRateZeroChangesNothing) {
  EXPECT_EQ(factors(training_pass(), 3, 4, "dropout 0"), Values(kFeatures, 1.0f));
}

TEST(Dropout, ChangesNothingInEvaluation) {
  LayerUnderTest layer("dropout 0.5", {{kFeatures, 1, 1}}, 10);
  layer.pass().training = false;
  EXPECT_TRUE(test::same_bits(layer.fprop(), layer.inputs()[0]));
}

// The place in the minibatch counts, not how that was cut into microbatches.
TEST(Dropout, OfASampleDoesNotDependOnTheMicrobatchItIsIn) {
  const Values in_one_batch = factors(training_pass(64), 37);
  for (const uint32_t first : {0u, 5u, 20u, 36u, 37u}) {
    for (const int64_t samples : {38, 40}) {
      EXPECT_TRUE(test::same_bits(factors(training_pass(samples, first), 37 - static_cast<int64_t>(first)),
                                  in_one_batch))
          << first << " " << samples;
    }
  }
}

TEST(Dropout, DependsOnSeedStepSampleAndLayer) {
  const Values one = factors(training_pass(), 3);
  Pass other_seed = training_pass();
  other_seed.seed = 2;
  Pass other_step = training_pass();
  other_step.step = 3;
  const std::vector<Values> others = {factors(other_seed, 3), factors(other_step, 3),
                                      factors(training_pass(), 4), factors(training_pass(), 3, 5)};
  for (const Values& other : others) {
    int64_t equal = 0;
    for (size_t i = 0; i < one.size(); ++i) equal += one[i] == other[i] ? 1 : 0;
    // Of independent values, 0.3^2 + 0.7^2 are equal.
    EXPECT_NEAR(static_cast<double>(equal) / kFeatures, 0.58, 5 * std::sqrt(0.58 * 0.42 / kFeatures));
  }
}

TEST(Dropout, DrawsEveryFeatureForItself) {
  // Neighbours, which come from one block of random bits, fall together no more often than by chance.
  const Values values = factors(training_pass(), 0, 4, "dropout 0.5");
  for (size_t distance = 1; distance <= 9; ++distance) {
    int64_t equal = 0;
    for (size_t i = distance; i < values.size(); ++i) equal += values[i] == values[i - distance] ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(equal) / kFeatures, 0.5, 5 * 0.5 / std::sqrt(double{kFeatures}))
        << distance;
  }
}

}  // namespace
}  // namespace lockstep::nn
