// What ranks find together has the bits that one finds alone.
#include <gtest/gtest.h>

#include "analysis/team_of_threads.h"
#include "lockstep/analysis/patches.h"
#include "lockstep/analysis/pca.h"
#include "lockstep/analysis/statistics.h"
#include "support/expect.h"
#include "support/world.h"

namespace lockstep::analysis {
namespace {

TEST(StatisticsOverRanks, HaveTheBitsOfOneRank) {
  const Rows rows = dependent_samples(2500, 150);
  TeamOfThreads alone(1);
  const Statistics expected = statistics_of(alone.team, rows);
  for (const int threads : {1, 2}) {
    parallel::Workers workers(threads, kernels::use_one_thread);
    const Statistics found = statistics_of(Team{test::world(), workers}, rows);
    EXPECT_TRUE(test::same_bits(found.mean, expected.mean));
    EXPECT_TRUE(test::same_bits(found.covariance, expected.covariance));
  }
}

TEST(StatisticsOverRanks, OfFewTilesLeaveSomeRanksWithout) {
  const Rows rows = dependent_samples(100, 3);
  TeamOfThreads alone(1);
  parallel::Workers workers(1, kernels::use_one_thread);
  EXPECT_TRUE(test::same_bits(statistics_of(Team{test::world(), workers}, rows).covariance,
                              statistics_of(alone.team, rows).covariance));
}

TEST(StatisticsOverRanks, FailTogetherWhereOneRankCannotRead) {
  parallel::Workers workers(1, kernels::use_one_thread);
  const Team team{test::world(), workers};
  const int last = test::world().size() - 1;
  test::expect_error(
      [&] {
        statistics_of(team, 10, 3, [&](int64_t, int64_t count, float* rows) {
          if (test::world().rank() == last) fail("a bad disk");
          std::fill_n(rows, count * 3, 0.0f);
        });
      },
      {"a bad disk"});
}

TEST(ProjectionErrorOverRanks, HasTheBitsOfOneRank) {
  const Rows rows = dependent_samples(1300, 40);
  const ValueSplit<float> split(rows.values, 40);
  io::DatasetInfo info;
  info.sample_dims = {40};
  info.type = io::Type::kFloat32;
  const SampleSource source(split, info);
  TeamOfThreads alone(1);
  const Statistics statistics = statistics_of(alone.team, rows);
  const auto principal = principal_components(statistics);
  const double expected = projection_error(alone.team, source, statistics.mean, principal.vectors, 7);
  double discarded = 0;
  for (size_t k = 7; k < 40; ++k) discarded += principal.values[k];
  EXPECT_NEAR(expected, discarded, 1e-12 * discarded) << "of the samples that they were fitted on";
  for (const int threads : {1, 2}) {
    parallel::Workers workers(threads, kernels::use_one_thread);
    EXPECT_EQ(projection_error(Team{test::world(), workers}, source, statistics.mean, principal.vectors, 7),
              expected);
  }
}

TEST(InterestPatchesOverRanks, AreThoseOfOneRank) {
  const auto numbers = test::random_values(5 * 64 * 64, 8, 0, 255);
  const ValueSplit<unsigned char> split({numbers.begin(), numbers.end()}, 64 * 64);
  io::DatasetInfo info;
  info.sample_dims = {1, 64, 64};
  info.scale = 1.0 / 255;
  TeamOfThreads alone(1);
  parallel::Workers workers(2, kernels::use_one_thread);
  const auto expected = PatchPlaces::interest(alone.team, split, info, 5, 9, 0.003);
  const auto found = PatchPlaces::interest(Team{test::world(), workers}, split, info, 5, 9, 0.003);
  ASSERT_GT(expected.count(), 10);
  ASSERT_EQ(found.count(), expected.count());
  for (int64_t i = 0; i < found.count(); ++i) {
    EXPECT_EQ(found[i].picture, expected[i].picture);
    EXPECT_EQ(found[i].y, expected[i].y);
    EXPECT_EQ(found[i].x, expected[i].x);
  }
}

}  // namespace
}  // namespace lockstep::analysis
