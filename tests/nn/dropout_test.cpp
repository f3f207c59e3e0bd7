#include <gtest/gtest.h>

#include <cmath>

#include "random_layer.h"

namespace lockstep::nn {
namespace {

constexpr const char* kLine = "dropout 0.3";

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
  const Values values = made_of_ones("dropout", training_pass(), 0);
  for (const float value : values) EXPECT_TRUE(value == 0 || value == 2) << value;
}

TEST(Dropout, OfRateZeroChangesNothing) {
  EXPECT_EQ(made_of_ones("dropout 0", training_pass(), 3), Values(kFeatures, 1.0f));
}

TEST(Dropout, ChangesNothingInEvaluation) {
  LayerUnderTest layer("dropout 0.5", {{kFeatures, 1, 1}}, 10);
  layer.pass().training = false;
  EXPECT_TRUE(test::same_bits(layer.fprop(), layer.inputs()[0]));
}

TEST(Dropout, OfASampleDoesNotDependOnTheMicrobatchItIsIn) { expect_same_in_any_microbatch(kLine); }

TEST(Dropout, DependsOnSeedStepSampleAndLayer) {
  const Values one = made_of_ones(kLine, training_pass(), 3);
  for (const Values& other : with_other_numbers(kLine)) {
    // Of independent values, 0.3^2 + 0.7^2 are equal.
    EXPECT_NEAR(equal_share(one, other), 0.58, 5 * std::sqrt(0.58 * 0.42 / kFeatures));
  }
}

TEST(Dropout, DrawsEveryFeatureForItself) {
  // Neighbours, which come from one block of random bits, fall together no more often than by chance.
  const Values values = made_of_ones("dropout 0.5", training_pass(), 0);
  for (size_t distance = 1; distance <= 9; ++distance) {
    int64_t equal = 0;
    for (size_t i = distance; i < values.size(); ++i) equal += values[i] == values[i - distance] ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(equal) / kFeatures, 0.5, 5 * 0.5 / std::sqrt(double{kFeatures}))
        << distance;
  }
}

}  // namespace
}  // namespace lockstep::nn
