#include "lockstep/analysis/interest_points.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/values.h"

namespace lockstep::analysis {
namespace {

constexpr int64_t kSide = 64;

struct Blob {
  double x, y, sigma, height;
};

std::vector<float> picture_of(const std::vector<Blob>& blobs, double ground = 0.2, int64_t height = kSide,
                              int64_t width = kSide) {
  std::vector<float> picture;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      double value = ground;
      for (const Blob& b : blobs) {
        const double square =
            std::pow(static_cast<double>(x) - b.x, 2) + std::pow(static_cast<double>(y) - b.y, 2);
        value += b.height * std::exp(-square / (2 * b.sigma * b.sigma));
      }
      picture.push_back(static_cast<float>(value));
    }
  }
  return picture;
}

std::vector<InterestPoint> points_of(const std::vector<float>& picture, int64_t height = kSide,
                                     int64_t width = kSide, float threshold = 0.03f) {
  return interest_points(picture.data(), height, width, threshold);
}

// Some texture: blobs of many places and sizes, none near the border.
std::vector<Blob> texture(double right, double down) {
  std::vector<Blob> blobs;
  const auto numbers = test::random_values(4 * 12, 5, 0, 1);
  for (size_t i = 0; i < numbers.size(); i += 4) {
    blobs.push_back({24 + 14.0 * numbers[i] + right, 24 + 14.0 * numbers[i + 1] + down,
                     1 + 1.5 * numbers[i + 2], numbers[i + 3] - 0.5});
  }
  return blobs;
}

TEST(InterestPoints, FindABlobAtItsPlaceAndScale) {
  for (const double sigma : {1.4, 2.0, 2.7, 3.5}) {
    for (const double height : {0.7, -0.7}) {
      const Blob blob{30.3, 33.6, sigma, height};
      const auto points = points_of(picture_of({blob}, 0.5));
      ASSERT_EQ(points.size(), 1u) << sigma;
      EXPECT_NEAR(points[0].x, blob.x, 0.05);
      EXPECT_NEAR(points[0].y, blob.y, 0.05);
      // A blob of the picture has the blur of 0.5 in it that any picture is taken to have.
      EXPECT_NEAR(points[0].scale, sigma, 0.05 * sigma);
      EXPECT_EQ(points[0].strength > 0, height < 0) << "dark blobs are above 0";
    }
  }
}

TEST(InterestPoints, FindBlobsByStrength) {
  const auto points = points_of(picture_of({{16, 16, 2, 0.4}, {46, 18, 3, -0.6}, {30, 46, 2, 0.8}}, 0.6));
  ASSERT_EQ(points.size(), 3u);
  EXPECT_NEAR(points[0].x, 30, 0.1);
  EXPECT_NEAR(points[1].x, 46, 0.1);
  EXPECT_NEAR(points[2].x, 16, 0.1);
  EXPECT_GT(std::fabs(points[0].strength), std::fabs(points[1].strength));
  EXPECT_GT(std::fabs(points[1].strength), std::fabs(points[2].strength));
}

TEST(InterestPoints, FindNothingOnAFlatPictureNorOnASlopeNorOnAnEdge) {
  EXPECT_TRUE(points_of(picture_of({}, 0.7)).empty());
  std::vector<float> slope;
  std::vector<float> edge;
  for (int64_t i = 0; i < kSide * kSide; ++i) {
    slope.push_back(static_cast<float>(i % kSide) / kSide);
    edge.push_back(i % kSide < kSide / 2 ? 0.0f : 1.0f);
  }
  EXPECT_TRUE(points_of(slope).empty());
  EXPECT_TRUE(points_of(edge).empty());
}

TEST(InterestPoints, LeaveOutWhatIsBelowTheThreshold) {
  const auto picture = picture_of({{30, 30, 2, 0.5}});
  const float strength = std::fabs(points_of(picture).at(0).strength);
  EXPECT_EQ(interest_points(picture.data(), kSide, kSide, 0.99f * strength).size(), 1u);
  EXPECT_EQ(interest_points(picture.data(), kSide, kSide, 1.01f * strength).size(), 0u);
}

TEST(InterestPoints, MoveWithThePicture) {
  const auto points = points_of(picture_of(texture(0, 0)), kSide, kSide, 0.01f);
  ASSERT_GE(points.size(), 7u);
  for (const auto& [right, down] : {std::pair{1, 0}, {0, 1}, {3, -2}, {-5, 7}}) {
    const auto moved = points_of(picture_of(texture(right, down)), kSide, kSide, 0.01f);
    ASSERT_EQ(moved.size(), points.size());
    for (size_t i = 0; i < points.size(); ++i) {
      EXPECT_NEAR(moved[i].x, points[i].x + static_cast<float>(right), 2e-3);
      EXPECT_NEAR(moved[i].y, points[i].y + static_cast<float>(down), 2e-3);
      EXPECT_NEAR(moved[i].scale, points[i].scale, 2e-3);
      EXPECT_NEAR(moved[i].strength, points[i].strength, 1e-5);
    }
  }
}

TEST(InterestPoints, TransposeWithThePicture) {
  const auto picture = picture_of(texture(0, 0), 0.2, 56, kSide);
  std::vector<float> transposed(picture.size());
  for (size_t y = 0; y < 56; ++y) {
    for (size_t x = 0; x < kSide; ++x) transposed[x * 56 + y] = picture[y * kSide + x];
  }
  const auto points = points_of(picture, 56, kSide);
  const auto across = points_of(transposed, kSide, 56);
  ASSERT_EQ(across.size(), points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_NEAR(across[i].x, points[i].y, 1e-4);
    EXPECT_NEAR(across[i].y, points[i].x, 1e-4);
  }
}

TEST(InterestPoints, TakePicturesOfAnySize) {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 40}, {3, 2}, {8, 8}, {16, 300}}) {
    const auto picture = test::random_values(height * width, 9, 0, 1);
    for (const InterestPoint& point : interest_points(picture.data(), height, width)) {
      EXPECT_GE(point.x, -0.5f);
      EXPECT_LE(point.x, static_cast<float>(width));
      EXPECT_GE(point.y, -0.5f);
      EXPECT_LE(point.y, static_cast<float>(height));
    }
  }
}

TEST(GreyOf, WeighsColoursAndTakesTheMeanOfOtherChannels) {
  EXPECT_EQ(grey_of(std::vector<float>{1, 2}.data(), {1, 1, 2}), (std::vector<float>{1, 2}));
  EXPECT_EQ(grey_of(std::vector<float>{1, 2, 3, 6}.data(), {2, 1, 2}), (std::vector<float>{2, 4}));
  const auto grey = grey_of(std::vector<float>{1, 0, 0, 1, 0, 0}.data(), {3, 1, 2});
  EXPECT_FLOAT_EQ(grey[0], 0.299f);
  EXPECT_FLOAT_EQ(grey[1], 0.587f);
}

}  // namespace
}  // namespace lockstep::analysis
