// Statistics of codes: of K-means, of factorial codes, of units that depend on each other as is known.
#include "lockstep/analysis/code_statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/small_network.h"
#include "small_maps.h"

namespace lockstep::analysis {
namespace {

class CodeStatisticsTest : public test::OnThreads {
 protected:
  CodeStatistics of(int64_t units, const std::vector<float>& values, const Activity& activity = {}) {
    return code_statistics(team(2), Rows{static_cast<int64_t>(values.size()) / units, units, values},
                           activity);
  }
};

TEST_F(CodeStatisticsTest, CountWhatIsActive) {
  const CodeStatistics code = of(3, {0, 1, -2, 0, 3, 4});
  EXPECT_EQ(code.samples, 2);
  EXPECT_EQ(code.units, 3);
  EXPECT_DOUBLE_EQ(code.active, 0.5);
  EXPECT_DOUBLE_EQ(code.mean, 1);
  EXPECT_EQ(code.silent, 1);
  EXPECT_EQ(code.distinct, 2);
  EXPECT_DOUBLE_EQ(of(3, {0, 1, -2, 0, 3, 4}, {0, true}).active, 4.0 / 6);
  EXPECT_DOUBLE_EQ(of(3, {0, 1, -2, 0, 3, 4}, {2, false}).active, 2.0 / 6);
}

TEST_F(CodeStatisticsTest, SayWhenAUnitIsActiveByItsActivation) {
  const nn::SmallNetwork net(
      {4, 1, 1}, {"linear 4", "sigmoid", "relu", "soft-threshold 0.5", "softplus", "winner", "linear 2"}, 1);
  const auto above = [&](int node) { return activity_of(net.network, node).above; };
  EXPECT_EQ(above(0), 0.0f) << "linear";
  EXPECT_EQ(above(1), 0.5f) << "sigmoid";
  EXPECT_EQ(above(2), 0.0f) << "relu";
  EXPECT_EQ(above(3), 0.0f) << "soft-threshold";
  EXPECT_TRUE(activity_of(net.network, 3).magnitude);
  EXPECT_FALSE(activity_of(net.network, 2).magnitude);
  EXPECT_FLOAT_EQ(above(4), std::log(2.0f)) << "softplus";
  EXPECT_EQ(above(5), 0.5f) << "winner";
}

// All 2^4 patterns equally often: independent units.
TEST_F(CodeStatisticsTest, OfAFactorialCodeHaveManyPatternsAndNoCorrelation) {
  std::vector<float> values;
  for (int n = 0; n < 160; ++n) {
    for (int k = 0; k < 4; ++k) values.push_back(static_cast<float>((n >> k) & 1));
  }
  const CodeStatistics code = of(4, values, {0.5f, false});
  EXPECT_EQ(code.distinct, 16);
  EXPECT_DOUBLE_EQ(code.active, 0.5);
  EXPECT_NEAR(code.pattern_correlation, 0, 1e-12);
  ASSERT_TRUE(code.gaussian_correlation);
  EXPECT_NEAR(*code.gaussian_correlation, 0, 1e-12);
}

// Four winners equally often: 4 entropies of one in four, less log 4.
TEST_F(CodeStatisticsTest, OfASingleWinnerHaveAsManyPatternsAsUnits) {
  std::vector<float> values;
  for (int n = 0; n < 40; ++n) {
    for (int k = 0; k < 4; ++k) values.push_back(n % 4 == k ? 1.0f : 0.0f);
  }
  const CodeStatistics code = of(4, values, {0.5f, false});
  EXPECT_EQ(code.distinct, 4);
  EXPECT_DOUBLE_EQ(code.active, 0.25);
  const double single = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  EXPECT_NEAR(code.pattern_correlation, 4 * single - std::log(4.0), 1e-12);
  EXPECT_TRUE(std::isinf(*code.gaussian_correlation)) << "the last follows from the others";
}

// Of two normal variables of correlation rho: -1/2 log(1 - rho^2). A unit that does not vary adds nothing.
TEST_F(CodeStatisticsTest, GiveTheCorrelationOfNormalVariables) {
  constexpr int kSamples = 3000;
  RandomStream stream(1, Purpose::kTest, 5);
  std::vector<float> values;
  double xx = 0, xy = 0, yy = 0, x1 = 0, y1 = 0;
  for (int n = 0; n < kSamples; ++n) {
    const float x = stream.normal();
    const float y = 0.8f * x + 0.6f * stream.normal();
    values.insert(values.end(), {x, y, 7});
    const double dx = static_cast<double>(x);
    const double dy = static_cast<double>(y);
    xx += dx * dx, xy += dx * dy, yy += dy * dy, x1 += dx, y1 += dy;
  }
  const double n = kSamples;
  const double rho = (xy - x1 * y1 / n) / std::sqrt((xx - x1 * x1 / n) * (yy - y1 * y1 / n));
  const CodeStatistics code = of(3, values);
  EXPECT_NEAR(*code.gaussian_correlation, -0.5 * std::log(1 - rho * rho), 1e-9);
  EXPECT_NEAR(*code.gaussian_correlation, -0.5 * std::log(1 - 0.64), 0.05);
  // Signs agree with probability 1/2 + asin(rho) / pi.
  const double agree = 0.5 + std::asin(0.8) / std::acos(-1.0);
  const double expected = std::log(2.0) + agree * std::log(agree) + (1 - agree) * std::log(1 - agree);
  EXPECT_NEAR(code.pattern_correlation, expected, 0.03);
}

TEST_F(CodeStatisticsTest, AreTheSameInBlocksOnAnyNumberOfThreads) {
  constexpr int64_t kUnits = 70;
  const Rows codes{2500, kUnits, test::random_values(2500 * kUnits, 3)};
  const CodeStatistics one = code_statistics(team(1), codes, {});
  const CodeStatistics three = code_statistics(team(3), codes, {});
  EXPECT_EQ(one.mean, three.mean);
  EXPECT_EQ(one.active, three.active);
  EXPECT_EQ(one.pattern_correlation, three.pattern_correlation);
  EXPECT_EQ(*one.gaussian_correlation, *three.gaussian_correlation);
  EXPECT_EQ(one.distinct, 2500);
}

TEST_F(CodeStatisticsTest, LeaveOutTheCorrelationsOfVeryManyUnits) {
  constexpr int64_t kUnits = kMostCorrelated + 1;
  const CodeStatistics code = of(kUnits, test::random_values(3 * kUnits, 3));
  EXPECT_FALSE(code.gaussian_correlation);
  EXPECT_EQ(code.distinct, 3);
  EXPECT_NEAR(code.active, 0.5, 0.05);
}

}  // namespace
}  // namespace lockstep::analysis
