#include "data/convex.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "generated.h"
#include "support/expect.h"

namespace lockstep::data {
namespace {

struct Point {
  int x;
  int y;
};

int turn(Point a, Point b, Point c) { return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x); }

// Half of the convex hull (A. M. Andrew 1979), without its last point.
std::vector<Point> half_hull(const std::vector<Point>& points) {
  std::vector<Point> hull;
  for (const Point p : points) {
    while (hull.size() >= 2 && turn(hull[hull.size() - 2], hull.back(), p) <= 0) hull.pop_back();
    hull.push_back(p);
  }
  hull.pop_back();
  return hull;
}

std::vector<Point> white_points(const Picture& picture) {
  std::vector<Point> points;
  for (int x = 0; x < kSide; ++x) {
    for (int y = 0; y < kSide; ++y) {
      if (picture[static_cast<size_t>(y * kSide + x)] == 255) points.push_back({x, y});
    }
  }
  return points;
}

// By another way than the generator's test of pairs: a set of pixels is what a convex set covers if, and only
// if, it holds every pixel of its convex hull.
bool holds_its_hull(const Picture& picture) {
  std::vector<Point> points = white_points(picture);
  if (points.size() < 2) return true;
  std::vector<Point> hull = half_hull(points);
  std::reverse(points.begin(), points.end());
  const std::vector<Point> other = half_hull(points);
  hull.insert(hull.end(), other.begin(), other.end());
  const auto [lowest, highest] =
      std::minmax_element(points.begin(), points.end(), [](Point a, Point b) { return a.y < b.y; });
  size_t in_hull = 0;
  for (int x = 0; x < kSide; ++x) {
    for (int y = 0; y < kSide; ++y) {
      // Of a set that is one line, the hull is a part of it.
      bool inside = x >= points.back().x && x <= points.front().x && y >= lowest->y && y <= highest->y;
      for (size_t i = 0; i < hull.size(); ++i)
        inside &= turn(hull[i], hull[(i + 1) % hull.size()], {x, y}) >= 0;
      in_hull += inside ? 1 : 0;
    }
  }
  return in_hull == points.size();
}

int64_t white_pixels(const Picture& picture) { return std::count(picture.begin(), picture.end(), 255); }

// Rows of '#' and '.', put into the upper left corner.
Picture drawn(const std::vector<std::string>& rows) {
  Picture picture{};
  for (size_t y = 0; y < rows.size(); ++y) {
    for (size_t x = 0; x < rows[y].size(); ++x) picture[y * kSide + x] = rows[y][x] == '#' ? 255 : 0;
  }
  return picture;
}

TEST(ConvexityTest, KnowsConvexSetsFromOthers) {
  for (const auto& rows : std::vector<std::vector<std::string>>{{"#"},
                                                                {"#..", ".#.", "..#"},
                                                                {"####", "####"},
                                                                {".#.", "###", ".#."},
                                                                {"##....", ".####.", "...###"}}) {
    EXPECT_TRUE(passes_convexity_test(drawn(rows))) << rows[0];
    EXPECT_TRUE(holds_its_hull(drawn(rows))) << rows[0];
  }
  for (const auto& rows : std::vector<std::vector<std::string>>{
           {"#.#"}, {"#..", "#..", "###"}, {"###", "#.#", "###"}, {"#..", "...", "..#"}, {"####", "#..#"}}) {
    EXPECT_FALSE(passes_convexity_test(drawn(rows))) << rows[0];
    EXPECT_FALSE(holds_its_hull(drawn(rows))) << rows[0];
  }
}

class ConvexSamples : public ::testing::TestWithParam<int64_t> {
 protected:
  const SampleMaker maker_ = open_generator("convex", {"", "", GetParam()});
};

INSTANTIATE_TEST_SUITE_P(MinHalfplanes, ConvexSamples, ::testing::Values(0, 1, 3));

TEST_P(ConvexSamples, AreBlackAndWhiteAndLargeEnough) {
  for (const test::Sample& sample : test::draw_many(maker_, 1, 1000)) {
    const int64_t white = white_pixels(sample.picture);
    EXPECT_EQ(white + std::count(sample.picture.begin(), sample.picture.end(), 0),
              static_cast<int64_t>(kPixels));
    EXPECT_GE(white, sample.label == 1 ? 19 : 10);
  }
}

TEST_P(ConvexSamples, AreConvexWhereTheirLabelSaysSo) {
  for (const test::Sample& sample : test::draw_many(maker_, 2, 1000))
    ASSERT_EQ(holds_its_hull(sample.picture), sample.label == 1);
}

// Of the convex ones.
double share_of_all_white(int64_t min_halfplanes) {
  int convex = 0;
  int all_white = 0;
  const SampleMaker maker = open_generator("convex", {"", "", min_halfplanes});
  for (const test::Sample& sample : test::draw_many(maker, 3, 2000)) {
    convex += sample.label;
    all_white += white_pixels(sample.picture) == static_cast<int64_t>(kPixels) ? 1 : 0;
  }
  return static_cast<double>(all_white) / convex;
}

TEST(Convex, HasWhollyWhitePicturesWhereNoHalfplaneIsNeeded) {
  EXPECT_NEAR(share_of_all_white(0), 0.33, 0.06);
  EXPECT_LT(share_of_all_white(1), 0.01);
}

// As in the paper, of which the numbers are.
TEST(Convex, HasAboutAsManyWhitePixelsInBothClasses) {
  std::vector<double> white(2);
  std::vector<double> count(2);
  for (const test::Sample& sample : test::draw_many(open_generator("convex"), 4, 4000)) {
    white[static_cast<size_t>(sample.label)] += static_cast<double>(white_pixels(sample.picture));
    ++count[static_cast<size_t>(sample.label)];
  }
  EXPECT_NEAR(white[0] / count[0], 457, 25);
  EXPECT_NEAR(white[1] / count[1], 443, 35);
}

// A pixel lies in a random half-plane in half of the cases, so in k of them with the odds 2^-k. Over a
// geometric number that makes 2 p / (1 + p) where no set is refused.
TEST(DrawConvex, IntersectsAGeometricNumberOfHalfplanes) {
  for (const double stop : {0.195, 0.07}) {
    for (const int64_t fewest : {0, 2}) {
      RandomStream random(1, Purpose::kTest, static_cast<uint32_t>(fewest));
      constexpr int kSets = 6000;
      double white = 0;
      int all_white = 0;
      for (int i = 0; i < kSets; ++i) {
        const int64_t pixels = white_pixels(draw_convex({fewest, stop, 0}, random));
        white += static_cast<double>(pixels) / static_cast<double>(kPixels) / kSets;
        all_white += pixels == static_cast<int64_t>(kPixels) ? 1 : 0;
      }
      const double expected = 2 * stop / (1 + stop) / static_cast<double>(int64_t{1} << fewest);
      EXPECT_NEAR(white, expected, 5 * std::sqrt(expected / kSets));
      EXPECT_NEAR(all_white, fewest == 0 ? kSets * stop : 0, fewest == 0 ? 5 * std::sqrt(kSets * stop) : 3);
    }
  }
}

TEST(DrawConvex, RefusesSetsThatAreTooSmall) {
  RandomStream random(2, Purpose::kTest, 0);
  for (int i = 0; i < 300; ++i) EXPECT_GE(white_pixels(draw_convex({1, 0.195, 300}, random)), 300);
}

TEST(Convex, RefusesNumbersOfHalfplanesOutOfRange) {
  for (const int64_t number : {int64_t{-1}, kMostMinHalfplanes + 1}) {
    test::expect_usage_error(
        [&] {
          open_generator("convex", {"", "", number});
        },
        {"min-halfplanes = " + std::to_string(number), "from 0 to 8"});
  }
}

TEST(Convex, AllowsTheLargestNumberOfHalfplanes) {
  const SampleMaker maker = open_generator("convex", {"", "", kMostMinHalfplanes});
  for (const test::Sample& sample : test::draw_many(maker, 5, 20))
    EXPECT_EQ(holds_its_hull(sample.picture), sample.label == 1);
}

}  // namespace
}  // namespace lockstep::data
