#include "lockstep/analysis/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lockstep/kernels/gemm.h"
#include "support/expect.h"
#include "support/values.h"

namespace lockstep::analysis {
namespace {

class KMeansOnThreads : public ::testing::Test {
 protected:
  Team team(int threads = 1) {
    workers_ = std::make_unique<parallel::Workers>(threads, kernels::use_one_thread);
    return {*group_, *workers_};
  }

  std::unique_ptr<comm::Group> group_ = comm::group_of_one();
  std::unique_ptr<parallel::Workers> workers_;
};

// Some heaps of samples, more than one group of them and no whole number of groups.
Rows heaps(int64_t count = 1000, int64_t width = 21) {
  Rows rows{count, width, test::random_values(count * width, 1)};
  const auto places = test::random_values(12 * width, 2, -2, 2);
  for (size_t i = 0; i < rows.values.size(); ++i) {
    const size_t heap = i / static_cast<size_t>(width) * 7 % 12;
    rows.values[i] += places[heap * static_cast<size_t>(width) + i % static_cast<size_t>(width)];
  }
  return rows;
}

Rows line(std::vector<float> values) {
  const int64_t count = static_cast<int64_t>(values.size());
  return {count, 1, std::move(values)};
}

double squared(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

using Assign = KMeansOnThreads;

TEST_F(Assign, FindsTheNearestCentreAndItsDistance) {
  const Rows samples = heaps();
  const Rows centres{37, samples.width, test::random_values(37 * samples.width, 3, -2, 2)};
  const Assignment found = assign(team(), samples, centres.values);
  ASSERT_EQ(found.nearest.size(), 1000u);
  double inertia = 0;
  for (int64_t n = 0; n < samples.count; ++n) {
    int64_t best = 0;
    for (int64_t k = 1; k < centres.count; ++k) {
      const bool nearer =
          squared(samples.row(n), centres.row(k)) < squared(samples.row(n), centres.row(best));
      best = nearer ? k : best;
    }
    const Nearest& nearest = found.nearest[static_cast<size_t>(n)];
    EXPECT_EQ(nearest.centre, best) << n;
    EXPECT_NEAR(nearest.squared, squared(samples.row(n), centres.row(best)), 1e-12);
    inertia += nearest.squared;
  }
  EXPECT_EQ(found.inertia, inertia);
}

TEST_F(Assign, OfEqualCentresTakesTheFirst) {
  const Assignment found = assign(team(), line({1, 2, 3, 4}), std::vector<float>{9, 2, 2, 9});
  for (const Nearest& nearest : found.nearest) EXPECT_EQ(nearest.centre, 1);
  EXPECT_EQ(found.inertia, 1 + 0 + 1 + 4);
}

using SpreadCentres = KMeansOnThreads;

TEST_F(SpreadCentres, AreDifferentSamplesThatTheSeedSays) {
  const Rows samples = heaps();
  const std::vector<float> centres = spread_centres(team(), samples, 30, 5);
  std::set<int64_t> chosen;
  for (int64_t k = 0; k < 30; ++k) {
    const auto centre = std::span(centres).subspan(static_cast<size_t>(k * samples.width),
                                                   static_cast<size_t>(samples.width));
    for (int64_t n = 0; n < samples.count; ++n) {
      if (squared(samples.row(n), centre) == 0) chosen.insert(n);
    }
  }
  EXPECT_EQ(chosen.size(), 30u);
  EXPECT_TRUE(test::same_bits(spread_centres(team(), samples, 30, 5), centres));
  EXPECT_FALSE(test::same_bits(spread_centres(team(), samples, 30, 6), centres));
}

// Of 0, 1 and 3 the first is any; then each with a probability proportional to its squared distance: behind 0
// it is 1 in 1 of 10 cases, behind 1 it is 0 in 1 of 5, behind 3 it is 1 in 4 of 13.
TEST_F(SpreadCentres, AreChosenBySquaredDistance) {
  constexpr int kSeeds = 3000;
  const Team one = team();
  int first[4] = {};
  int behind[4][4] = {};
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto centres = spread_centres(one, line({0, 1, 3}), 2, static_cast<uint64_t>(seed));
    ++first[static_cast<int>(centres[0])];
    ++behind[static_cast<int>(centres[0])][static_cast<int>(centres[1])];
  }
  const auto expect_rate = [](int found, int of, double rate) {
    EXPECT_NEAR(found, of * rate, 4 * std::sqrt(of * rate * (1 - rate)));
  };
  for (const int value : {0, 1, 3}) {
    expect_rate(first[value], kSeeds, 1.0 / 3);
    EXPECT_EQ(behind[value][value], 0);
  }
  expect_rate(behind[0][1], first[0], 1.0 / 10);
  expect_rate(behind[1][0], first[1], 1.0 / 5);
  expect_rate(behind[3][1], first[3], 4.0 / 13);
}

TEST_F(SpreadCentres, CannotBeMoreThanThereAreSamples) {
  test::expect_usage_error(
      [&] {
        spread_centres(team(), line({1, 2, 3}), 4, 1);
      },
      {"4 centres", "more than there are samples (3)"});
  test::expect_usage_error(
      [&] {
        spread_centres(team(), line({1, 2, 1, 2, 1}), 3, 1);
      },
      {"3 centres", "more than there are distinct samples (2 among 5)"});
  EXPECT_EQ(spread_centres(team(), line({1, 2, 1, 2, 1}), 2, 1).size(), 2u);
}

using Lloyd = KMeansOnThreads;

TEST_F(Lloyd, LowersTheInertiaUntilEachCentreIsTheMeanOfItsSamples) {
  const Rows samples = heaps();
  const Team one = team();
  std::vector<KMeansStep> steps;
  const KMeans found = k_means(one, samples, spread_centres(one, samples, 12, 3), 100,
                               [&](const KMeansStep& step) { steps.push_back(step); });
  EXPECT_TRUE(found.converged);
  ASSERT_GT(found.inertia.size(), 2u);
  ASSERT_EQ(steps.size(), found.inertia.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(found.inertia[i], found.inertia[i - 1]);
    }
    EXPECT_EQ(steps[i].iteration, static_cast<int64_t>(i));
    EXPECT_EQ(steps[i].inertia, found.inertia[i]);
    EXPECT_EQ(steps[i].reseeded, 0);
  }
  const Assignment last = assign(one, samples, found.centres);
  EXPECT_EQ(last.inertia, found.inertia.back());
  const size_t width = static_cast<size_t>(samples.width);
  std::vector<double> sums(12 * width);
  std::vector<double> counts(12);
  for (int64_t n = 0; n < samples.count; ++n) {
    const size_t k = static_cast<size_t>(last.nearest[static_cast<size_t>(n)].centre);
    ++counts[k];
    for (size_t i = 0; i < width; ++i) sums[k * width + i] += static_cast<double>(samples.row(n)[i]);
  }
  for (size_t i = 0; i < sums.size(); ++i) EXPECT_NEAR(found.centres[i], sums[i] / counts[i / width], 1e-6);
}

TEST_F(Lloyd, EndsAfterSoManyIterations) {
  const Rows samples = heaps();
  const Team one = team();
  const std::vector<float> start = spread_centres(one, samples, 12, 3);
  const KMeans none = k_means(one, samples, start, 0);
  EXPECT_TRUE(test::same_bits(none.centres, start));
  EXPECT_EQ(none.inertia.size(), 1u);
  const KMeans two = k_means(one, samples, start, 2);
  EXPECT_EQ(two.inertia.size(), 3u);
  EXPECT_FALSE(two.converged);
}

// Centres at 0, 0 and 5: the second has no sample and moves to 9, the sample farthest from its centre, which
// the third then no longer counts.
TEST_F(Lloyd, MovesACentreWithoutSamplesToTheFarthestOne) {
  int64_t reseeded = 0;
  const KMeans found = k_means(team(), line({0, 1, 4, 6, 9}), {0, 0, 5}, 1,
                               [&](const KMeansStep& step) { reseeded += step.reseeded; });
  EXPECT_EQ(reseeded, 1);
  EXPECT_EQ(found.centres, (std::vector<float>{0.5f, 9, 5}));
  EXPECT_EQ(found.inertia, (std::vector<double>{0 + 1 + 1 + 1 + 16, 0.25 + 0.25 + 1 + 1 + 0}));
}

// The farthest, 9, is its centre's only sample; the next of all others is 4 (the first of two equals).
TEST_F(Lloyd, TakesNoCentresOnlySample) {
  const KMeans found = k_means(team(), line({0, 4, 6, 9}), {5, 12, 12, 0}, 1);
  EXPECT_EQ(found.centres, (std::vector<float>{6, 9, 4, 0}));
  EXPECT_EQ(found.inertia.back(), 0);
}

TEST_F(Lloyd, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Rows samples = heaps();
  const auto run = [&](int threads) {
    const Team t = team(threads);
    return k_means(t, samples, spread_centres(t, samples, 40, 3), 20);
  };
  const KMeans one = run(1);
  for (const int threads : {2, 3}) {
    const KMeans more = run(threads);
    EXPECT_TRUE(test::same_bits(more.centres, one.centres)) << threads;
    EXPECT_TRUE(test::same_bits(more.inertia, one.inertia)) << threads;
  }
}

}  // namespace
}  // namespace lockstep::analysis
