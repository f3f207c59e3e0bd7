#include "data/patches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "data/grey_pictures.h"
#include "generated.h"
#include "support/expect.h"
#include "support/folder.h"

namespace lockstep::data {
namespace {

using test::Content;
using test::flat;

std::vector<unsigned char> noise(size_t pixels, uint32_t item) {
  RandomStream random(1, Purpose::kTest, item);
  std::vector<unsigned char> result(pixels);
  for (unsigned char& pixel : result) pixel = static_cast<unsigned char>(random.below(256));
  return result;
}

TEST(Texture, RunsFromADarkToABrightLevelWithoutJumps) {
  for (uint32_t i = 0; i < 300; ++i) {
    RandomStream random(1, Purpose::kTest, i);
    const Picture texture = draw_texture(random);
    const auto [darkest, brightest] = std::minmax_element(texture.begin(), texture.end());
    EXPECT_LE(*darkest, 100);
    EXPECT_GE(*brightest, 154);
    int largest_step = 0;
    for (size_t k = 0; k + kSide < kPixels; ++k) {
      if (k % kSide != kSide - 1)
        largest_step = std::max(largest_step, std::abs(texture[k] - texture[k + 1]));
      largest_step = std::max(largest_step, std::abs(texture[k] - texture[k + kSide]));
    }
    EXPECT_LE(largest_step, 100) << "texture " << i;
  }
}

// The average over many textures has no direction and no place of its own.
TEST(Texture, FavoursNoPlaceAndNoDirection) {
  std::vector<double> mean(kPixels);
  double across = 0;
  double down = 0;
  constexpr int kTextures = 2000;
  for (uint32_t i = 0; i < kTextures; ++i) {
    RandomStream random(2, Purpose::kTest, i);
    const Picture texture = draw_texture(random);
    for (size_t k = 0; k + kSide < kPixels; ++k) {
      mean[k] += static_cast<double>(texture[k]) / kTextures;
      if (k % kSide != kSide - 1) across += std::abs(texture[k] - texture[k + 1]);
      down += std::abs(texture[k] - texture[k + kSide]);
    }
  }
  EXPECT_NEAR(across / down, 27.0 / 28, 0.06);
  for (size_t k = 0; k + kSide < kPixels; ++k) EXPECT_NEAR(mean[k], 127, 8) << k;
}

class GreyPatches : public test::FolderTest {
 protected:
  std::vector<Picture> draw(const std::string& file, uint32_t count) const {
    const PatchSource patches = open_patches(file, "train");
    std::vector<Picture> drawn;
    for (uint32_t i = 0; i < count; ++i) {
      RandomStream random(1, Purpose::kTest, i);
      drawn.push_back(patches.draw(random));
    }
    return drawn;
  }
};

TEST_F(GreyPatches, AreCutFromEveryPlaceOfThePictures) {
  const std::vector<unsigned char> picture = noise(30 * 31, 0);
  const auto drawn =
      draw(test::write_pictures(path("p.h5"), {1, 30, 31}, 0, {Content{"train", {picture}}}), 200);
  std::set<std::pair<size_t, size_t>> places;
  for (const Picture& patch : drawn) {
    int matches = 0;
    for (size_t top = 0; top <= 2; ++top) {
      for (size_t left = 0; left <= 3; ++left) {
        bool same = true;
        for (size_t y = 0; y < kSide; ++y)
          same &= std::memcmp(&patch[y * kSide], &picture[(top + y) * 31 + left], kSide) == 0;
        if (!same) continue;
        ++matches;
        places.insert({top, left});
      }
    }
    ASSERT_EQ(matches, 1);
  }
  EXPECT_EQ(places.size(), 12u);
}

TEST_F(GreyPatches, AreDrawnAgainWhereThereIsLittleTexture) {
  const auto file = test::write_pictures(path("p.h5"), {1, 28, 28}, 0,
                                         {Content{"train", {noise(kPixels, 1), flat(9), flat(90), flat(7)}}});
  int textured = 0;
  for (const Picture& patch : draw(file, 500)) textured += patch[0] != patch[1] || patch[1] != patch[2];
  EXPECT_GT(textured, 480);  // sixteen times one of the three flat ones: (3/4)^16, one in 100
}

TEST_F(GreyPatches, OfPicturesWithoutTextureAreTakenAsTheyAre) {
  const auto file = test::write_pictures(path("p.h5"), {1, 28, 28}, 0, {Content{"train", {flat(9)}}});
  for (const Picture& patch : draw(file, 5)) EXPECT_EQ(std::count(patch.begin(), patch.end(), 9), 784);
}

class GreyPicturesTest : public test::FolderTest {
 protected:
  std::string write_floats(const std::vector<float>& values, double scale = 1, double offset = 0) const {
    io::DatasetInfo info;
    info.sample_dims = {1, 2, 2};
    info.type = io::Type::kFloat32;
    info.scale = scale;
    info.offset = offset;
    io::Rows rows;
    rows.count = static_cast<int64_t>(values.size() / 4);
    rows.inputs.resize(values.size() * sizeof(float));
    std::memcpy(rows.inputs.data(), values.data(), rows.inputs.size());
    io::DatasetWriter writer(path("floats.h5"), info);
    writer.append("train", rows);
    writer.finish();
    return path("floats.h5");
  }
};

TEST_F(GreyPicturesTest, WeighColours) {
  // Red, green, blue, white; a channel after the other.
  const std::vector<unsigned char> picture = {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255};
  const GreyPictures grey(
      test::write_pictures(path("rgb.h5"), {3, 2, 2}, 0, {Content{"train", {flat(7, 12), picture}}}),
      "train");
  EXPECT_EQ(grey.count(), 2);
  EXPECT_EQ(std::vector<int>(grey.picture(0), grey.picture(0) + 4), (std::vector<int>{7, 7, 7, 7}));
  EXPECT_EQ(std::vector<int>(grey.picture(1), grey.picture(1) + 4), (std::vector<int>{76, 150, 29, 255}));
}

TEST_F(GreyPicturesTest, ReadFloatsFromZeroToOne) {
  const GreyPictures grey(write_floats({0, 2, 1, 0.5}, 0.5, 0), "train");
  EXPECT_EQ(std::vector<int>(grey.picture(0), grey.picture(0) + 4), (std::vector<int>{0, 255, 128, 64}));
}

TEST_F(GreyPicturesTest, RefuseFloatsOfAnotherRange) {
  const std::string file = write_floats({0, 1, 0, 1, 0, 0, 1.5, 0});
  test::expect_error([&] { GreyPictures(file, "train"); },
                     {file, "sample 1 of train", "the value 1.5", "from 0, black, to 1, white"});
  test::expect_error(
      [&] {
        GreyPictures(write_floats({0, -1, 0, 1}), "train");
      },
      {"sample 0", "the value -1"});
}

TEST_F(GreyPicturesTest, RefuseWhatHoldsNoPictures) {
  for (const auto& dims : std::vector<std::vector<int64_t>>{{784}, {2, 4, 4}}) {
    const size_t size = dims.size() == 1 ? 784 : 32;
    const auto file = test::write_pictures(path("p.h5"), dims, 0, {Content{"train", {flat(1, size)}}});
    test::expect_error([&] { GreyPictures(file, "train"); },
                       {file, dims.size() == 1 ? "are 784" : "are 2x4x4", "1 or 3 channels"});
  }
}

TEST_F(GreyPicturesTest, RefuseAMissingFileOrSplit) {
  test::expect_error([&] { GreyPictures(path("nowhere.h5"), "train"); }, {"nowhere.h5"});
  const auto file = test::write_pictures(path("p.h5"), {1, 28, 28}, 0, {Content{"train", {flat(1)}}});
  test::expect_error([&] { GreyPictures(file, "test"); }, {file, "no /test", "--generate-test 0"});
}

TEST_F(GreyPicturesTest, RefuseAnotherSize) {
  const auto file = test::write_pictures(path("p.h5"), {1, 30, 28}, 0, {Content{"train", {flat(1, 840)}}});
  const GreyPictures grey(file, "train");
  grey.require_at_least(28, 28);
  test::expect_error([&] { grey.require_exactly(28, 28); }, {file, "30x28", "digits of 28x28"});
  test::expect_error([&] { grey.require_at_least(28, 29); }, {file, "30x28", "at least 28x29"});
}

}  // namespace
}  // namespace lockstep::data
