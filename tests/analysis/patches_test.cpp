#include "lockstep/analysis/patches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "analysis/team_of_threads.h"
#include "lockstep/kernels/layout.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

const Shape kShape{2, 5, 7};

io::DatasetInfo info_of(io::Type type, double scale = 1, double offset = 0) {
  io::DatasetInfo info;
  info.sample_dims = {kShape.channels, kShape.height, kShape.width};
  info.type = type;
  info.scale = scale;
  info.offset = offset;
  return info;
}

std::vector<std::array<int64_t, 3>> list(const PatchPlaces& places) {
  std::vector<std::array<int64_t, 3>> result;
  for (int64_t i = 0; i < places.count(); ++i)
    result.push_back({places[i].picture, places[i].y, places[i].x});
  return result;
}

TEST(DensePatches, LieAtAllMultiplesOfTheStride) {
  EXPECT_EQ(list(PatchPlaces::dense(2, kShape, 4, 2)),
            (std::vector<std::array<int64_t, 3>>{{0, 0, 0}, {0, 0, 2}, {1, 0, 0}, {1, 0, 2}}));
  EXPECT_EQ(PatchPlaces::dense(3, kShape, 3, 1).count(), 3 * 3 * 5);
  EXPECT_EQ(list(PatchPlaces::dense(1, kShape, 5, 100)), (std::vector<std::array<int64_t, 3>>{{0, 0, 0}}));
}

TEST(RandomPatches, LieAnywhereAndFollowFromTheSeed) {
  const auto places = PatchPlaces::random(4, kShape, 3, 6000, 7);
  EXPECT_EQ(places.count(), 6000);
  EXPECT_EQ(list(places), list(PatchPlaces::random(4, kShape, 3, 6000, 7)));
  EXPECT_NE(list(places), list(PatchPlaces::random(4, kShape, 3, 6000, 8)));
  const auto all = list(places);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  std::map<std::array<int64_t, 3>, int> times;
  for (const auto& place : all) ++times[place];
  EXPECT_EQ(times.size(), 4u * 3 * 5) << "every place there is";
  for (const auto& [place, count] : times) EXPECT_NEAR(count, 100, 45) << "4.5 standard deviations";
}

TEST(RandomPatches, AreMoreOfTheSameWhereMoreAreAskedFor) {
  const auto few = list(PatchPlaces::random(4, kShape, 3, 10, 7));
  const auto many = list(PatchPlaces::random(4, kShape, 3, 20, 7));
  EXPECT_TRUE(std::includes(many.begin(), many.end(), few.begin(), few.end()));
}

TEST(Patches, AreTheValuesAtTheirPlace) {
  TeamOfThreads alone(2);
  std::vector<unsigned char> bytes(static_cast<size_t>(3 * kShape.size()));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * 37 % 251);
  const ValueSplit<unsigned char> split(bytes, kShape.size());
  const io::DatasetInfo info = info_of(io::Type::kUint8, 0.5, -3);
  const auto places = PatchPlaces::random(3, kShape, 4, 700, 1);
  const Rows rows = patches_of(alone.team, split, info, places);
  ASSERT_EQ(rows.count, 700);
  ASSERT_EQ(rows.width, 2 * 4 * 4);
  for (int64_t n = 0; n < rows.count; ++n) {
    const PatchPlace place = places[n];
    for (int64_t i = 0; i < rows.width; ++i) {
      const int64_t c = i / 16;
      const int64_t y = place.y + i / 4 % 4;
      const int64_t x = place.x + i % 4;
      const auto at = static_cast<size_t>(((place.picture * 2 + c) * kShape.height + y) * kShape.width + x);
      ASSERT_EQ(rows.row(n)[static_cast<size_t>(i)], 0.5f * bytes[at] - 3);
    }
  }
}

TEST(Patches, UnfoldedAreTheDenseOnesInColumns) {
  TeamOfThreads alone(1);
  const auto values = test::random_values(kShape.size(), 2);
  const ValueSplit<float> split(values, kShape.size());
  for (const int64_t size : {1, 3, 5}) {
    const Rows rows =
        patches_of(alone.team, split, info_of(io::Type::kFloat32), PatchPlaces::dense(1, kShape, size, 1));
    const int64_t columns = kernels::columns_for(rows.count);
    std::vector<float> unfolded(static_cast<size_t>(rows.width * columns), 99);
    unfold_patches(values.data(), kShape, size, columns, unfolded.data());
    for (int64_t i = 0; i < rows.width; ++i) {
      for (int64_t n = 0; n < columns; ++n)
        EXPECT_EQ(unfolded[static_cast<size_t>(i * columns + n)],
                  n < rows.count ? rows.row(n)[static_cast<size_t>(i)] : 0);
    }
  }
}

// Pictures of bytes with one light blob each, in a place of its own.
std::vector<unsigned char> pictures_of_blobs(int64_t side, const std::vector<std::pair<int, int>>& places) {
  std::vector<unsigned char> bytes;
  for (const auto& [row, column] : places) {
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t x = 0; x < side; ++x) {
        const double square =
            std::pow(static_cast<double>(y) - row, 2) + std::pow(static_cast<double>(x) - column, 2);
        bytes.push_back(static_cast<unsigned char>(20 + 200 * std::exp(-square / 8)));
      }
    }
  }
  return bytes;
}

io::DatasetInfo square_info(int64_t side) {
  io::DatasetInfo info = info_of(io::Type::kUint8, 1.0 / 255);
  info.sample_dims = {1, side, side};
  return info;
}

TEST(InterestPatches, LieAroundTheStrongestPointsInsideThePicture) {
  const ValueSplit<unsigned char> split(pictures_of_blobs(32, {{12, 17}, {20, 10}, {3, 16}}), 32 * 32);
  for (const int threads : {1, 2}) {
    TeamOfThreads alone(threads);
    const auto places = list(PatchPlaces::interest(alone.team, split, square_info(32), 8, 50, 0.03));
    EXPECT_EQ(places, (std::vector<std::array<int64_t, 3>>{{0, 8, 13}, {1, 16, 6}}))
        << "the third is too near to the border";
    EXPECT_EQ(list(PatchPlaces::interest(alone.team, split, square_info(32), 8, 50, 0.9)).size(), 0u);
  }
}

TEST(InterestPatches, AreAtMostTheCountOfAPictureAndNeverTheSameTwice) {
  const auto bytes = test::random_values(120 * 120, 4, 0, 255);
  const ValueSplit<unsigned char> split({bytes.begin(), bytes.end()}, 120 * 120);
  TeamOfThreads alone(1);
  const auto all = list(PatchPlaces::interest(alone.team, split, square_info(120), 5, 1000, 0.003));
  ASSERT_GT(all.size(), 20u);
  auto sorted = all;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());
  const auto few = list(PatchPlaces::interest(alone.team, split, square_info(120), 5, 7, 0.003));
  EXPECT_EQ(few, std::vector(all.begin(), all.begin() + 7)) << "the strongest";
}

TEST(PictureShape, OfVectorsOrTooSmallPicturesIsAnError) {
  io::DatasetInfo info = info_of(io::Type::kFloat32);
  EXPECT_EQ(picture_shape("d.h5", info, 5), kShape);
  test::expect_usage_error([&] { picture_shape("d.h5", info, 6); }, {"6x6", "d.h5", "5x7", "5 or less"});
  info.sample_dims = {784};
  test::expect_usage_error([&] { picture_shape("d.h5", info, 6); }, {"d.h5", "plain vectors of 784"});
}

}  // namespace
}  // namespace lockstep::analysis
