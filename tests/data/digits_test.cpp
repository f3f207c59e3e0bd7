#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/data/generate.h"
#include "support/folder.h"

namespace lockstep::data {
namespace {

constexpr size_t kPixels = size_t{28} * 28;

struct Digit {
  std::vector<unsigned char> pixels = std::vector<unsigned char>(kPixels);
  int32_t label = -1;
  bool operator==(const Digit&) const = default;
};

Digit draw(uint64_t seed, uint64_t index) {
  Digit sample;
  sample.label = open_generator("digits").draw(seed, index, sample.pixels.data());
  return sample;
}

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Digits, ArePicturesOfBrightInkOnADarkGround) {
  double sum = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Digit sample = draw(1, i);
    const auto bright =
        std::count_if(sample.pixels.begin(), sample.pixels.end(), [](int p) { return p > 110; });
    EXPECT_GT(bright, 8) << "hardly any ink in sample " << i;
    EXPECT_LT(bright, 400) << "hardly any ground in sample " << i;
    sum += std::accumulate(sample.pixels.begin(), sample.pixels.end(), 0.0);
  }
  const double mean = sum / 1000 / kPixels;
  EXPECT_GT(mean, 25);
  EXPECT_LT(mean, 75);
}

TEST(Digits, HardlyTouchTheBorderOfThePicture) {
  int touching = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Digit sample = draw(1, i);
    bool ink = false;
    for (size_t k = 0; k < 28; ++k) {
      for (const size_t pixel : {k, 27 * 28 + k, 28 * k, 28 * k + 27}) ink |= sample.pixels[pixel] > 130;
    }
    touching += ink ? 1 : 0;
  }
  EXPECT_LT(touching, 100);
}

TEST(GenerateRows, IsSampleAfterSample) {
  const SampleMaker digits = open_generator("digits");
  const io::Rows rows = generate_rows(digits, 5, 1000, 20);
  ASSERT_EQ(rows.count, 20);
  ASSERT_EQ(rows.inputs.size(), 20 * kPixels);
  ASSERT_EQ(rows.labels.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    const Digit sample = draw(5, 1000 + i);
    EXPECT_EQ(rows.labels[i], sample.label);
    EXPECT_TRUE(std::equal(sample.pixels.begin(), sample.pixels.end(), rows.inputs.data() + i * kPixels))
        << i;
  }
}

TEST(GenerateRows, OfNoSamplesIsEmpty) {
  const io::Rows rows = generate_rows(open_generator("digits"), 1, 7, 0);
  EXPECT_EQ(rows.count, 0);
  EXPECT_TRUE(rows.inputs.empty());
}

TEST(GenerateRows, RefusesNegativeNumbers) {
  EXPECT_THROW(generate_rows(open_generator("digits"), 1, -1, 5), Error);
  EXPECT_THROW(generate_rows(open_generator("digits"), 1, 0, -5), Error);
}

class GenerateDataset : public test::FolderTest {
 protected:
  const std::string output_ = path("digits.h5");
};

TEST_F(GenerateDataset, WritesTheTestSamplesThatFollowTheTrainingSamples) {
  generate_dataset("digits", {}, 9, 5000, 60, output_);
  const io::DatasetReader file(output_);
  EXPECT_EQ(file.info().sample_dims, (std::vector<int64_t>{1, 28, 28}));
  EXPECT_EQ(file.info().classes, 10);
  EXPECT_EQ(file.info().scale, 1.0 / 255);
  EXPECT_NE(file.info().source.find("seed 9"), std::string::npos) << file.info().source;
  ASSERT_EQ(file.rows("train"), 5000);
  ASSERT_EQ(file.rows("test"), 60);
  const io::Rows all = generate_rows(open_generator("digits"), 9, 0, 5060);
  const io::Rows train = file.read("train", 0, 5000);
  const io::Rows test = file.read("test", 0, 60);
  EXPECT_TRUE(std::equal(train.inputs.begin(), train.inputs.end(), all.inputs.begin()));
  EXPECT_TRUE(std::equal(test.inputs.rbegin(), test.inputs.rend(), all.inputs.rbegin()));
  EXPECT_TRUE(std::equal(test.labels.rbegin(), test.labels.rend(), all.labels.rbegin()));
}

TEST_F(GenerateDataset, MayHaveNoTestSamples) {
  generate_dataset("digits", {}, 1, 10, 0, output_);
  EXPECT_FALSE(io::DatasetReader(output_).has("test"));
}

TEST_F(GenerateDataset, RefusesNoTrainingSamplesAndLeavesNoFile) {
  const std::string message = message_of([&] { generate_dataset("digits", {}, 1, 0, 10, output_); });
  EXPECT_NE(message.find("0 training"), std::string::npos) << message;
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace lockstep::data
