#include "data/digit_variants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>

#include "data/digits.h"
#include "generated.h"
#include "support/expect.h"
#include "support/folder.h"

namespace lockstep::data {
namespace {

using test::Content;
using test::draw;
using test::flat;

constexpr size_t kLine = kSide;

Picture some_picture() {
  Picture picture;
  RandomStream random(1, Purpose::kTest, 0);
  for (unsigned char& pixel : picture) pixel = static_cast<unsigned char>(random.below(256));
  return picture;
}

// A soft dot around a point, counted from the middle of the picture: x to the right, y down.
Picture dot_at(double x, double y) {
  Picture picture{};
  for (size_t i = 0; i < kPixels; ++i) {
    const double across = static_cast<double>(i % kLine) - 13.5 - x;
    const double down = static_cast<double>(i / kLine) - 13.5 - y;
    picture[i] = static_cast<unsigned char>(255 * std::exp(-(across * across + down * down) / 6));
  }
  return picture;
}

struct Place {
  double x;
  double y;
};

Place centre_of(const Picture& picture) {
  double sum = 0;
  Place place{0, 0};
  for (size_t i = 0; i < kPixels; ++i) {
    sum += picture[i];
    place.x += picture[i] * (static_cast<double>(i % kLine) - 13.5);
    place.y += picture[i] * (static_cast<double>(i / kLine) - 13.5);
  }
  return {place.x / sum, place.y / sum};
}

Direction direction_of(double angle) {
  return {std::lround(kUnit * std::cos(angle)), std::lround(kUnit * std::sin(angle))};
}

TEST(Turned, IsExactForQuarterTurns) {
  const Picture picture = some_picture();
  EXPECT_EQ(turned(picture, {kUnit, 0}), picture);
  const Picture quarter = turned(picture, {0, kUnit});
  for (size_t y = 0; y < kLine; ++y) {
    for (size_t x = 0; x < kLine; ++x)  // the upper right corner goes to the upper left
      ASSERT_EQ(quarter[(kLine - 1 - x) * kLine + y], picture[y * kLine + x]) << x << " " << y;
  }
  Picture half = picture;
  std::reverse(half.begin(), half.end());
  EXPECT_EQ(turned(picture, {-kUnit, 0}), half);
  EXPECT_EQ(turned(turned(turned(quarter, {0, kUnit}), {0, kUnit}), {0, kUnit}), picture);
}

TEST(Turned, PutsADotWhereTheAngleSays) {
  for (int degrees = 0; degrees < 360; degrees += 15) {
    const double angle = degrees * std::numbers::pi / 180;
    const Picture picture = turned(dot_at(8, 0), direction_of(angle));
    const Place place = centre_of(picture);
    EXPECT_NEAR(place.x, 8 * std::cos(angle), 0.1) << degrees;
    EXPECT_NEAR(place.y, -8 * std::sin(angle), 0.1) << degrees;  // anticlockwise is up
  }
}

TEST(Turned, BringsBlackInFromOutside) {
  Picture white;
  white.fill(255);
  const Picture picture = turned(white, direction_of(std::numbers::pi / 4));
  EXPECT_EQ(picture[0], 0);
  EXPECT_EQ(picture[kPixels - 1], 0);
  EXPECT_EQ(picture[14 * kLine + 14], 255);
}

TEST(Inked, CoversTheGroundAsFarAsThereIsInk) {
  const Picture ground = some_picture();
  Picture ink{};
  EXPECT_EQ(inked(ink, ground), ground);
  ink.fill(255);
  EXPECT_EQ(inked(ink, ground), ink);
  ink.fill(51);  // a fifth
  const Picture picture = inked(ink, ground);
  for (size_t i = 0; i < kPixels; ++i) EXPECT_NEAR(picture[i], ground[i] + (255 - ground[i]) / 5.0, 0.51);
}

TEST(RandomDirection, IsUniform) {
  constexpr int kSectors = 16;
  constexpr int kDirections = 16000;
  std::array<int, kSectors> counts{};
  RandomStream random(3, Purpose::kTest, 0);
  for (int i = 0; i < kDirections; ++i) {
    const Direction d = random_direction(random);
    EXPECT_NEAR(std::hypot(d.cosine, d.sine), kUnit, 2);
    const double turns = std::atan2(d.sine, d.cosine) / (2 * std::numbers::pi) + 0.5;
    ++counts[static_cast<size_t>(turns * kSectors) % kSectors];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * 31);
}

class DigitVariants : public test::FolderTest {
 protected:
  // Digits that are told by their level, a number each: 100 + i in training, 200 + i in the test.
  std::string levels(int64_t classes = 5) const {
    std::vector<std::vector<unsigned char>> train;
    std::vector<std::vector<unsigned char>> test;
    for (int i = 0; i < 20; ++i) {
      train.push_back(flat(static_cast<unsigned char>(100 + i)));
      test.push_back(flat(static_cast<unsigned char>(200 + i)));
    }
    return test::write_pictures(path("levels.h5"), {1, 28, 28}, classes, {{"train", train}, {"test", test}});
  }
  std::string one(const std::string& name, const std::vector<unsigned char>& picture) const {
    return test::write_pictures(path(name), {1, 28, 28}, 1,
                                {Content{"train", {picture}}, Content{"test", {picture}}});
  }
  std::string one(const std::string& name, const Picture& picture) const {
    return one(name, std::vector<unsigned char>(picture.begin(), picture.end()));
  }
  static SampleMaker open(const std::string& name, const std::string& from,
                          const std::string& background = "", const std::string& split = "train") {
    return open_generator(name, {from, background, std::nullopt}, split);
  }
  const size_t middle_ = 14 * kLine + 14;  // stays where it is, whatever the angle
};

TEST_F(DigitVariants, TakeEachOfAFilesDigitsOnceBeforeAnyComesAgain) {
  const SampleMaker maker = open("digits-rotated", levels());
  EXPECT_EQ(maker.info.classes, 5);
  std::vector<int> order;
  for (uint64_t round = 0; round < 3; ++round) {
    std::set<int> seen;
    for (uint64_t i = 0; i < 20; ++i) {
      const test::Sample sample = draw(maker, 1, 20 * round + i);
      const int digit = sample.picture[middle_] - 100;
      EXPECT_EQ(sample.label, digit % 5);
      seen.insert(digit);
      order.push_back(digit);
    }
    EXPECT_EQ(seen.size(), 20u);
    EXPECT_EQ(*seen.begin(), 0);
    EXPECT_EQ(*seen.rbegin(), 19);
  }
  EXPECT_FALSE(std::equal(order.begin(), order.begin() + 20, order.begin() + 20));
}

TEST_F(DigitVariants, KeepTrainingAndTestDigitsApart) {
  const std::string output = path("out.h5");
  generate_dataset("digits-rotated", {levels(), "", std::nullopt}, 1, 50, 30, output);
  const io::DatasetReader file(output);
  const io::Rows train = file.read("train", 0, 50);
  const io::Rows test = file.read("test", 0, 30);
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_GE(train.inputs[i * kPixels + middle_], 100);
    EXPECT_LT(train.inputs[i * kPixels + middle_], 120);
  }
  std::multiset<int> seen;
  for (size_t i = 0; i < 30; ++i) seen.insert(test.inputs[i * kPixels + middle_] - 200);
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 19);
}

TEST_F(DigitVariants, OfDigitsWithoutLabelsHaveNone) {
  const SampleMaker maker = open("digits-rotated", levels(0));
  EXPECT_EQ(maker.info.classes, 0);
  EXPECT_TRUE(generate_rows(maker, 1, 0, 5).labels.empty());
}

TEST_F(DigitVariants, AreTurnedByUniformAngles) {
  const SampleMaker maker = open("digits-rotated", one("dot.h5", dot_at(8, 0)));
  std::array<int, 8> counts{};
  for (uint64_t i = 0; i < 2000; ++i) {
    const Place place = centre_of(draw(maker, 1, i).picture);
    EXPECT_NEAR(std::hypot(place.x, place.y), 8, 0.15);
    const double turns = std::atan2(place.y, place.x) / (2 * std::numbers::pi) + 0.5;
    ++counts[static_cast<size_t>(turns * 8) % 8];
  }
  for (const int count : counts) EXPECT_NEAR(count, 250, 5 * 15.8);
}

TEST_F(DigitVariants, StandOnUniformNoise) {
  const SampleMaker maker = open("digits-random-background", one("black.h5", flat(0)));
  std::array<int, 256> counts{};
  double neighbours = 0;
  constexpr int kSamples = 100;
  for (uint64_t i = 0; i < kSamples; ++i) {
    const Picture picture = draw(maker, 1, i).picture;
    for (size_t k = 0; k < kPixels; ++k) {
      ++counts[picture[k]];
      if (k > 0) neighbours += (picture[k] - 127.5) * (picture[k - 1] - 127.5);
    }
  }
  const double expected = kSamples * static_cast<double>(kPixels) / 256;
  for (const int count : counts) EXPECT_NEAR(count, expected, 5 * std::sqrt(expected));
  EXPECT_LT(std::abs(neighbours / (kSamples * 783.0)) / (65535 / 12.0), 0.02);  // their correlation
}

TEST_F(DigitVariants, StandOnThePatchesOfAFile) {
  const Picture digit = dot_at(0, 0);
  const Picture ground = some_picture();
  const SampleMaker maker = open("digits-image-background", one("dot.h5", digit), one("ground.h5", ground));
  EXPECT_EQ(draw(maker, 1, 0).picture, inked(digit, ground));
}

TEST_F(DigitVariants, TakeTestBackgroundsFromTheTestSplit) {
  const std::string black = one("black.h5", flat(0));
  const SampleMaker maker = open("digits-image-background", black, levels(), "test");
  for (uint64_t i = 0; i < 30; ++i) EXPECT_GE(draw(maker, 1, i).picture[0], 200);
}

// The same ones as in the dataset `digits`, which has a ground and noise besides.
TEST_F(DigitVariants, AreOfDrawnDigitsWithoutAFile) {
  const SampleMaker noisy = open_generator("digits-random-background");
  for (uint64_t i = 0; i < 50; ++i) {
    Picture ink;
    Picture plain;
    const int32_t label = draw_ink(1, i, ink.data());
    EXPECT_EQ(draw_digit(1, i, plain.data()), label);
    const test::Sample sample = draw(noisy, 1, i);
    EXPECT_EQ(sample.label, label);
    double bright_in_plain = 0;
    int64_t inked_pixels = 0;
    for (size_t k = 0; k < kPixels; ++k) {
      if (ink[k] < 255) continue;
      EXPECT_EQ(sample.picture[k], 255);
      bright_in_plain += plain[k];
      ++inked_pixels;
    }
    if (inked_pixels > 0) {
      EXPECT_GT(bright_in_plain / static_cast<double>(inked_pixels), 100);
    }
  }
}

TEST_F(DigitVariants, SayWhatTheyAreMadeOf) {
  const std::string source = open("digits-image-background", levels(), one("ground.h5", flat(3))).info.source;
  test::expect_parts(source, {"digits-image-background", "levels.h5 (digest ", "ground.h5 (digest "});
  EXPECT_EQ(source.find(folder()), std::string::npos) << "a folder's name is no part of the data: " << source;
}

TEST_F(DigitVariants, RefuseDigitsOfAnotherSizeAndSmallBackgrounds) {
  const std::string small =
      test::write_pictures(path("small.h5"), {1, 20, 32}, 1, {Content{"train", {flat(1, 640)}}});
  for (const char* name : {"digits-rotated", "digits-random-background", "digits-image-background"})
    test::expect_error([&] { open(name, small); }, {small, "20x32", "digits of 28x28"});
  test::expect_error([&] { open("digits-image-background", "", small); }, {small, "20x32", "at least 28x28"});
  test::expect_error([&] { open("rectangles-image", small); }, {small, "20x32", "at least 28x28"});
}

TEST_F(DigitVariants, OfAFileThatFailsLeaveNoFile) {
  const std::string train_only =
      test::write_pictures(path("only.h5"), {1, 28, 28}, 1, {Content{"train", {flat(1)}}});
  const std::string output = path("out.h5");
  test::expect_error(
      [&] {
        generate_dataset("digits-rotated", {train_only, "", std::nullopt}, 1, 5, 5, output);
      },
      {train_only, "no /test"});
  EXPECT_FALSE(std::filesystem::exists(output));
  generate_dataset("digits-rotated", {train_only, "", std::nullopt}, 1, 5, 0, output);
  EXPECT_TRUE(std::filesystem::exists(output));
}

}  // namespace
}  // namespace lockstep::data
