// Planes through the data, and the field on them.
#include "lockstep/analysis/plane.h"

#include <gtest/gtest.h>

#include <cmath>

#include "small_maps.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

using test::expect_usage_error;
using test::random_point;
using test::Values;

// Uncorrelated, with these variances.
Statistics statistics(const Values& variances) {
  const auto n = static_cast<int64_t>(variances.size());
  Statistics result{10, n, random_point(n, 3), Values(static_cast<size_t>(n * n))};
  for (size_t i = 0; i < variances.size(); ++i) result.covariance[i * variances.size() + i] = variances[i];
  return result;
}

class FieldOn : public test::OnThreads {};

TEST(PrincipalPlane, LiesAlongTheLargestVariances) {
  const Statistics s = statistics({1, 9, 0.5, 4});
  const Plane plane = principal_plane(s);
  EXPECT_EQ(plane.origin, s.mean);
  EXPECT_EQ(plane.directions[0], (Point{0, 1, 0, 0}));
  EXPECT_EQ(plane.directions[1], (Point{0, 0, 0, 1}));
  EXPECT_NEAR(plane.reach[0], 9, 1e-12) << "three standard deviations";
  EXPECT_NEAR(plane.reach[1], 6, 1e-12);
}

TEST(Plane, OfTwoDirectionsIsOrthonormalAndHoldsBoth) {
  const Statistics s = statistics({1, 1, 1, 1, 1});
  const Point first = random_point(5, 1);
  const Point second = random_point(5, 2);
  const Plane plane = plane_of(s, {first, second}, {"one", "two"});
  Values products(3);
  for (size_t i = 0; i < 5; ++i) {
    products[0] += plane.directions[0][i] * plane.directions[0][i];
    products[1] += plane.directions[1][i] * plane.directions[1][i];
    products[2] += plane.directions[0][i] * plane.directions[1][i];
  }
  EXPECT_NEAR(products[0], 1, 1e-14);
  EXPECT_NEAR(products[1], 1, 1e-14);
  EXPECT_NEAR(products[2], 0, 1e-14);
  for (const Point& direction : {first, second}) {
    Point x = s.mean;
    for (size_t i = 0; i < 5; ++i) x[i] += direction[i];
    const auto place = plane.project(x);
    EXPECT_NEAR(distance(plane.at(place[0], place[1]), x), 0, 1e-14);
  }
}

TEST(Plane, ThroughPointsReachesThem) {
  const Statistics s = statistics({1, 1, 1});
  const std::array<Point, 2> points = {random_point(3, 1, 10, 20), random_point(3, 2, -20, -10)};
  const Plane plane = points_plane(s, points, {"sample 1", "sample 2"});
  for (const Point& x : points) {
    const auto place = plane.project(x);
    EXPECT_NEAR(distance(plane.at(place[0], place[1]), x), 0, 1e-12);
    for (const size_t d : {0, 1}) EXPECT_LT(std::fabs(place[d]), plane.reach[d]);
  }
}

TEST(Plane, ThatCannotBeIsAnError) {
  const Statistics s = statistics({1, 1, 1});
  expect_usage_error([&] { axes_plane(s, 0, 3); }, {"axis 3", "outside the data", "3 dimensions", "0 to 2"});
  expect_usage_error([&] { axes_plane(s, -1, 0); }, {"axis -1", "outside"});
  expect_usage_error([&] { axes_plane(s, 1, 1); }, {"axis 1 and axis 1", "parallel"});
  expect_usage_error(
      [&] {
        plane_of(s, {Point{1, 2, 3}, Point{-2, -4, -6}}, {"a", "b"});
      },
      {"a and b", "parallel"});
  expect_usage_error(
      [&] {
        plane_of(s, {Point{1, 2, 3}, Point{0, 0, 0}}, {"a", "b"});
      },
      {"direction b", "zero"});
  expect_usage_error(
      [&] {
        plane_of(s, {Point{1, 2}, Point{0, 1}}, {"a", "b"});
      },
      {"direction a", "2 values", "has 3"});
  expect_usage_error(
      [&] {
        plane_of(s, {Point{1, 2, 3}, Point{0, 1, std::nan("")}}, {"a", "b"});
      },
      {"direction b", "NaN"});
  expect_usage_error([&] { points_plane(s, {s.mean, Point{1, 2, 3}}, {"a", "b"}); }, {"direction a", "zero"});
  expect_usage_error([&] { principal_plane(statistics({1})); }, {"2 dimensions", "1 dimension"});
  expect_usage_error([&] { principal_plane(statistics({1, 0, 0})); }, {"fewer than 2 dimensions"});
}

TEST_F(FieldOn, ThePlaneIsTheProjectionOfTheVectors) {
  const auto encoder = test::random_encoder(9, 6, 0.6f);
  const Reconstruction r(test::one_layer(encoder, nn::scalar_function("tanh"), random_point(6, 3)));
  const Statistics s = statistics({1, 2, 3, 4, 5, 6});
  const Plane plane = plane_of(s, {random_point(6, 7), random_point(6, 8)}, {"one", "two"});
  const auto energy = [](const Point& x, int) { return x[0] + 2 * x[5]; };
  const PlaneField field = field_on(team(2), r, {energy, {}}, plane, 5);
  ASSERT_EQ(field.along_a.size(), 25u);
  EXPECT_EQ(field.a.front(), -plane.reach[0]);
  EXPECT_EQ(field.a[2], 0);
  EXPECT_EQ(field.b.back(), plane.reach[1]);
  for (size_t i = 0; i < 25; ++i) {
    const Point x = plane.at(field.a[i % 5], field.b[i / 5]);
    Point v = r(x);
    double squares = 0;
    double a = 0;
    double b = 0;
    for (size_t d = 0; d < 6; ++d) {
      v[d] -= x[d];
      squares += v[d] * v[d];
      a += v[d] * plane.directions[0][d];
      b += v[d] * plane.directions[1][d];
    }
    EXPECT_NEAR(field.along_a[i], a, 1e-14);
    EXPECT_NEAR(field.along_b[i], b, 1e-14);
    EXPECT_NEAR(field.outside[i], std::sqrt(squares - a * a - b * b), 1e-12);
    EXPECT_EQ(field.energy[i], x[0] + 2 * x[5]);
  }
  const PlaneField alone = field_on(team(1), r, {energy, {}}, plane, 5);
  EXPECT_TRUE(test::same_bits(field.along_a, alone.along_a));
}

}  // namespace
}  // namespace lockstep::analysis
