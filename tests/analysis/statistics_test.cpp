#include "lockstep/analysis/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/team_of_threads.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

Statistics found(const Rows& rows, int threads = 1) {
  TeamOfThreads alone(threads);
  return statistics_of(alone.team, rows);
}

void expect_definition(const Rows& rows, const Statistics& statistics) {
  const size_t width = static_cast<size_t>(rows.width);
  ASSERT_EQ(statistics.mean.size(), width);
  ASSERT_EQ(statistics.covariance.size(), width * width);
  std::vector<double> mean(width);
  for (int64_t n = 0; n < rows.count; ++n) {
    for (size_t i = 0; i < width; ++i) mean[i] += static_cast<double>(rows.row(n)[i]);
  }
  for (double& m : mean) m /= static_cast<double>(rows.count);
  for (size_t i = 0; i < width; ++i) {
    EXPECT_NEAR(statistics.mean[i], mean[i], 1e-12 * (1 + std::fabs(mean[i])));
    for (size_t j = 0; j < width; ++j) {
      double sum = 0;
      for (int64_t n = 0; n < rows.count; ++n) sum += (rows.row(n)[i] - mean[i]) * (rows.row(n)[j] - mean[j]);
      EXPECT_NEAR(statistics.covariance[i * width + j], sum / static_cast<double>(rows.count), 1e-12)
          << i << ", " << j;
    }
  }
}

TEST(Statistics, AreTheMeanAndTheCovarianceOfThePopulation) {
  for (const int64_t width : {1, 63, 64, 65}) {
    const Rows rows = dependent_samples(1100, width);
    expect_definition(rows, found(rows));
  }
}

TEST(Statistics, OfOneSampleAreThatSampleAndNoVariance) {
  const Rows rows = dependent_samples(1, 5);
  const Statistics statistics = found(rows);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(statistics.mean[i], static_cast<double>(rows.values[i]));
  EXPECT_EQ(statistics.covariance, std::vector<double>(25, 0.0));
}

TEST(Statistics, LoseNoDigitsFarFromZero) {
  Rows rows = dependent_samples(1100, 3);
  const Statistics before = found(rows);
  for (float& value : rows.values) value = std::round(value * 1024) / 1024;
  const Statistics near_zero = found(rows);
  for (float& value : rows.values) value += 4096;  // exact in float
  const Statistics far_away = found(rows);
  for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(far_away.covariance[i], near_zero.covariance[i], 1e-13);
  EXPECT_NEAR(far_away.covariance[0], before.covariance[0], 1e-2);
}

TEST(Statistics, AFeatureThatIsTheSameEverywhereHasNoVarianceAtAll) {
  Rows rows = dependent_samples(1100, 4);
  for (int64_t n = 0; n < rows.count; ++n) rows.values[static_cast<size_t>(n * 4 + 2)] = 0.1f;
  const Statistics statistics = found(rows);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(statistics.covariance[i * 4 + 2], 0) << i;
}

TEST(Statistics, HaveTheSameBitsOnAnyNumberOfThreads) {
  const Rows rows = dependent_samples(2500, 150);
  const Statistics one = found(rows, 1);
  for (const int threads : {2, 3}) {
    const Statistics more = found(rows, threads);
    EXPECT_TRUE(test::same_bits(more.mean, one.mean));
    EXPECT_TRUE(test::same_bits(more.covariance, one.covariance));
  }
}

TEST(Statistics, ReadBlockByBlockInOrder) {
  TeamOfThreads alone(2);
  std::vector<std::pair<int64_t, int64_t>> calls;
  statistics_of(alone.team, 2500, 3, [&](int64_t first, int64_t count, float* rows) {
    calls.emplace_back(first, count);
    std::fill_n(rows, count * 3, 1.0f);
  });
  EXPECT_EQ(calls, (std::vector<std::pair<int64_t, int64_t>>{{0, 1024}, {1024, 1024}, {2048, 452}}));
}

TEST(Statistics, OfNothingAreAnError) {
  test::expect_usage_error([] { found({0, 3, {}}); }, {"no samples"});
}

TEST(Statistics, ThatNoMemoryHoldsAreAnErrorBeforeTheAttempt) {
  TeamOfThreads alone(1);
  test::expect_error([&] { statistics_of(alone.team, 5, 1 << 22, [](int64_t, int64_t, float*) {}); },
                     {"samples of 4194304 values", "are left", "patches"});
}

TEST(PrincipalComponents, AreOrthogonalAndGiveTheCovarianceBack) {
  const Statistics statistics = found(dependent_samples(1100, 20));
  const auto principal = principal_components(statistics);
  for (size_t i = 0; i < 20; ++i) {
    for (size_t j = 0; j < 20; ++j) {
      double covariance = 0;
      double product = 0;
      for (size_t k = 0; k < 20; ++k) {
        covariance += principal.values[k] * principal.vectors[k * 20 + i] * principal.vectors[k * 20 + j];
        product += principal.vectors[i * 20 + k] * principal.vectors[j * 20 + k];
      }
      EXPECT_NEAR(covariance, statistics.covariance[i * 20 + j], 1e-12);
      EXPECT_NEAR(product, i == j ? 1 : 0, 1e-12);
    }
  }
  EXPECT_TRUE(std::is_sorted(principal.values.rbegin(), principal.values.rend()));
}

TEST(PrincipalComponents, HaveNoNegativeVariance) {
  Rows rows = dependent_samples(40, 70);  // fewer samples than values: many eigenvalues are 0
  const auto principal = principal_components(found(rows));
  EXPECT_GE(principal.values.back(), 0);
  EXPECT_LT(principal.values[39], 1e-12 * principal.values[0]);
}

}  // namespace
}  // namespace lockstep::analysis
