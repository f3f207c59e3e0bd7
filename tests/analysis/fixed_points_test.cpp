// Fixed points that are known: found, told stable or not, with their basins.
#include "lockstep/analysis/fixed_points.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "small_maps.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

using test::one_layer;
using test::random_point;
using test::random_points;
using test::tanh_fixed_point;
using test::tanh_map;
using test::Values;

class FixedPointsOnThreads : public test::OnThreads {
 protected:
  FixedPoints find(const Reconstruction& r, const std::vector<Point>& starts, FixedPointOptions options = {},
                   int threads = 1) {
    const Team workers = team(threads);
    const auto trajectories = iterate(workers, r, {}, starts, {});
    return find_fixed_points(workers, r, {}, starts, trajectories, options);
  }
};

TEST_F(FixedPointsOnThreads, OfATanhAreTwoStableOnesAndAnUnstableOneBetween) {
  std::vector<Point> starts;
  for (int i = -3; i <= 6; ++i) starts.push_back({0.5 * i + 0.1});  // 3 below zero, 7 above
  const FixedPoints found = find(tanh_map(1), starts);
  ASSERT_EQ(found.points.size(), 3u);
  const double root = tanh_fixed_point();
  EXPECT_NEAR(found.points[0].x[0], root, 1e-12);
  EXPECT_EQ(found.points[0].basin, 7);
  EXPECT_NEAR(found.points[1].x[0], -root, 1e-12);
  EXPECT_EQ(found.points[1].basin, 3);
  EXPECT_NEAR(found.points[2].x[0], 0, 1e-12);
  EXPECT_EQ(found.points[2].basin, 0);
  EXPECT_FALSE(found.points[2].iterated);
  const double slope = 2 * (1 - std::pow(root / 2, 2));
  for (const size_t i : {0, 1}) {
    EXPECT_EQ(found.points[i].stability, Stability::kStable);
    EXPECT_NEAR(found.points[i].radius(), slope, 1e-12);
    EXPECT_LT(found.points[i].residual, 1e-14);
  }
  EXPECT_EQ(found.points[2].stability, Stability::kUnstable);
  EXPECT_NEAR(found.points[2].radius(), 2, 1e-12);
  for (size_t i = 0; i < starts.size(); ++i) EXPECT_EQ(found.of_start[i], starts[i][0] > 0 ? 0 : 1);
}

TEST_F(FixedPointsOnThreads, OfTwoTanhsAreNine) {
  std::vector<Point> starts;
  for (int i = -4; i <= 5; ++i) {
    for (int j = -4; j <= 5; ++j) starts.push_back({0.4 * i - 0.17, 0.4 * j - 0.13});
  }
  const FixedPoints found = find(tanh_map(2), starts, {.searches = 100});
  const double root = tanh_fixed_point();
  const double slope = 2 * (1 - std::pow(root / 2, 2));
  int stable = 0;
  int saddles = 0;
  int sources = 0;
  int64_t starts_in_basins = 0;
  ASSERT_EQ(found.points.size(), 9u);
  for (const FixedPoint& point : found.points) {
    int zeros = 0;
    for (const double value : point.x) {
      if (std::fabs(value) < 1e-10) {
        ++zeros;
      } else {
        EXPECT_NEAR(std::fabs(value), root, 1e-10);
      }
    }
    ++(zeros == 0 ? stable : zeros == 1 ? saddles : sources);
    EXPECT_EQ(point.stability, zeros == 0 ? Stability::kStable : Stability::kUnstable);
    EXPECT_NEAR(point.spectrum[0].real(), zeros == 0 ? slope : 2, 1e-9);
    EXPECT_NEAR(point.spectrum[1].real(), zeros == 2 ? 2 : slope, 1e-9);
    EXPECT_EQ(point.basin > 0, zeros == 0);
    starts_in_basins += point.basin;
  }
  EXPECT_EQ(stable, 4);
  EXPECT_EQ(saddles, 4);
  EXPECT_EQ(sources, 1);
  EXPECT_EQ(starts_in_basins, 100);
  EXPECT_EQ(found.points[0].basin, 25) << "a quarter of the starts lies in each quadrant";
}

TEST_F(FixedPointsOnThreads, OfALinearAutoencoderAreAContinuum) {
  const nn::AffineMap encoder{2, 5, test::orthonormal_rows(2, 5), {0, 0}};
  const Reconstruction r(one_layer(encoder, nn::scalar_function("identity"), Values(5)));
  const FixedPoints found = find(r, random_points(12, 5, -3, 3));
  ASSERT_EQ(found.points.size(), 12u) << "each start has its own";
  for (const FixedPoint& point : found.points) {
    EXPECT_TRUE(point.iterated);
    EXPECT_EQ(point.stability, Stability::kMarginal);
    for (size_t k = 0; k < 5; ++k) {
      EXPECT_NEAR(point.spectrum[k].real(), k < 2 ? 1 : 0, 1e-12);
      EXPECT_NEAR(point.spectrum[k].imag(), 0, 1e-12);
    }
    EXPECT_LT(point.curl, 1e-14);
  }
}

// K-means as an autoencoder: s_k = c_k x - 1/2 |c_k|^2.
TEST_F(FixedPointsOnThreads, OfTheWinnerAreTheCentres) {
  const Values centres = random_point(4 * 3, 1, -2, 2);
  nn::AffineMap encoder{4, 3, centres, Values(4)};
  for (size_t k = 0; k < 4; ++k) {
    for (size_t i = 0; i < 3; ++i) encoder.offset[k] -= 0.5 * centres[k * 3 + i] * centres[k * 3 + i];
  }
  const Reconstruction r(one_layer(encoder, Winner{}, Values(3)));
  const auto starts = random_points(60, 3, -3, 3);
  const FixedPoints found = find(r, starts);
  ASSERT_EQ(found.points.size(), 4u);
  std::vector<int64_t> nearest(4);
  for (const Point& start : starts) {
    const auto apart = [&](size_t k) { return distance(start, {&centres[k * 3], &centres[k * 3] + 3}); };
    size_t best = 0;
    for (size_t k = 1; k < 4; ++k) best = apart(k) < apart(best) ? k : best;
    ++nearest[best];
  }
  for (const FixedPoint& point : found.points) {
    size_t k = 0;
    while (k < 4 && point.x != Point(&centres[k * 3], &centres[k * 3] + 3)) ++k;
    ASSERT_LT(k, 4u) << "a centre, to the bit";
    EXPECT_EQ(point.basin, nearest[k]);
    EXPECT_EQ(point.radius(), 0);
    EXPECT_EQ(point.stability, Stability::kStable);
  }
}

TEST_F(FixedPointsOnThreads, OnlyTheLargestBasinsAreExamined) {
  std::vector<Point> starts;
  for (int i = -3; i <= 6; ++i) starts.push_back({0.5 * i + 0.1});
  const FixedPoints found = find(tanh_map(1), starts, {.searches = 0, .examined = 1});
  ASSERT_EQ(found.points.size(), 2u);
  EXPECT_TRUE(found.points[0].examined);
  EXPECT_FALSE(found.points[1].examined);
  EXPECT_TRUE(found.points[1].spectrum.empty());
  EXPECT_EQ(found.points[1].basin, 3);
}

TEST_F(FixedPointsOnThreads, AreMergedWithinTheDistanceAsked) {
  const double root = tanh_fixed_point();
  std::vector<Point> starts;
  for (int i = -3; i <= 6; ++i) starts.push_back({0.5 * i + 0.1});
  const FixedPoints found = find(tanh_map(1), starts, {.merge = 2.1 * root, .searches = 0});
  ASSERT_EQ(found.points.size(), 1u);
  EXPECT_NEAR(found.points[0].x[0], -root, 1e-12) << "the first start's";
  EXPECT_EQ(found.points[0].basin, 10);
}

TEST_F(FixedPointsOnThreads, AreTheSameBitsOnAnyNumberOfThreads) {
  const auto encoder = test::random_encoder(40, 17, 0.8f);
  const Reconstruction r(one_layer(encoder, nn::scalar_function("tanh"), random_point(17, 3)));
  const auto starts = random_points(30, 17, -2, 2);
  const FixedPoints one = find(r, starts, {}, 1);
  const FixedPoints three = find(r, starts, {}, 3);
  ASSERT_EQ(one.points.size(), three.points.size());
  EXPECT_GT(one.points.size(), 1u);
  for (size_t i = 0; i < one.points.size(); ++i) {
    EXPECT_TRUE(test::same_bits(one.points[i].x, three.points[i].x));
    EXPECT_EQ(one.points[i].spectrum, three.points[i].spectrum);
    EXPECT_EQ(one.points[i].basin, three.points[i].basin);
  }
  EXPECT_EQ(one.of_start, three.of_start);
}

TEST(Newton, StaysWhereTheMatrixIsSingular) {
  const Reconstruction identity(DenseChain({nn::AffineMap{1, 1, {1}, {0.5}}}));
  EXPECT_EQ(newton(identity, {3}), Point{3});
}

}  // namespace
}  // namespace lockstep::analysis
