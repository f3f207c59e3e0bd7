// Crops, mirror images and normalisation as a network gets them, against a naive version.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "lockstep/core/random.h"
#include "lockstep/data/unpack.h"
#include "lockstep/kernels/layout.h"
#include "support/expect.h"

namespace lockstep::data {
namespace {

constexpr int64_t kEpoch = 7;

// Pictures in memory, bytes or floats, whose stored numbers are known.
template <class Value>
struct Pictures {
  io::DatasetInfo info;
  Shape shape;
  std::vector<Value> values;
  Samples samples;

  Pictures(int64_t count, Shape of) : shape(of) {
    info.sample_dims = {of.channels, of.height, of.width};
    info.type = sizeof(Value) == 1 ? io::Type::kUint8 : io::Type::kFloat32;
    info.scale = 0.25;
    info.offset = -1;
    RandomStream random(3, Purpose::kTest, 77);
    values.resize(static_cast<size_t>(count * of.size()));
    for (Value& value : values) value = static_cast<Value>(1 + random.below(255));
    for (int64_t n = 0; n < count; ++n) {
      samples.indices.push_back(5 * n + 2);
      samples.inputs.push_back(reinterpret_cast<const unsigned char*>(values.data() + n * of.size()));
    }
  }

  // The stored number; zero outside of the picture.
  double at(int64_t n, int64_t c, int64_t y, int64_t x) const {
    if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) return 0;
    return values[static_cast<size_t>(((n * shape.channels + c) * shape.height + y) * shape.width + x)];
  }
};

Options options_of(const std::string& augment, const std::string& normalise = "none") {
  Options options;
  options.augment = augment;
  options.normalise = normalise;
  options.seed = 9;
  return options;
}

template <class Value>
std::vector<float> unpacked(const Pictures<Value>& pictures, const Options& options, int64_t first,
                            int64_t count, std::optional<int64_t> epoch = kEpoch) {
  const int64_t columns = kernels::columns_for(count);
  std::vector<float> out(static_cast<size_t>(pictures.shape.size() * columns), std::nanf(""));
  const Unpacker unpacker(options, pictures.info);
  unpacker.unpack(pictures.samples, first, count, epoch, columns, out.data());
  return out;
}

struct NaiveCut {
  int64_t down, right;
  bool mirrored;
};

// What is drawn for a sample: two places and a side, in this order.
NaiveCut naive_cut(const Options& options, int64_t padding, bool flip, int64_t index, int64_t epoch) {
  RandomStream random(options.seed, Purpose::kAugment, static_cast<uint32_t>(index),
                      static_cast<uint32_t>(epoch));
  const uint32_t places = static_cast<uint32_t>(2 * padding + 1);
  const int64_t down = random.below(places) - padding;
  const int64_t right = random.below(places) - padding;
  return {down, right, random.below(2) == 1 && flip};
}

template <class Value>
void expect_cut(Shape shape, int64_t padding, bool flip) {
  const Pictures<Value> pictures(19, shape);
  const std::string crop = padding > 0 ? "crop " + std::to_string(padding) : "";
  const Options options = options_of(crop + (padding > 0 && flip ? ", " : "") + (flip ? "flip" : ""));
  const int64_t columns = kernels::columns_for(19);
  const std::vector<float> out = unpacked(pictures, options, 0, 19);
  int64_t feature = 0;
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t y = 0; y < shape.height; ++y) {
      for (int64_t x = 0; x < shape.width; ++x, ++feature) {
        for (int64_t n = 0; n < columns; ++n) {
          float expected = 0;
          if (n < 19) {
            const NaiveCut cut =
                naive_cut(options, padding, flip, pictures.samples.indices[static_cast<size_t>(n)], kEpoch);
            const int64_t from = (cut.mirrored ? shape.width - 1 - x : x) + cut.right;
            expected = static_cast<float>(pictures.at(n, c, y + cut.down, from) * 0.25 - 1);
          }
          ASSERT_EQ(out[static_cast<size_t>(feature * columns + n)], expected)
              << shape.to_string() << " padding " << padding << " flip " << flip << ": channel " << c << ", "
              << y << ", " << x << " of sample " << n;
        }
      }
    }
  }
}

// Widths below, at, between and above whole vectors, and rows wider than what is cut at once.
TEST(Augment, IsTheNaiveCutForAllShapes) {
  for (const Shape shape : {Shape{3, 32, 32}, Shape{1, 28, 28}, Shape{2, 6, 5}, Shape{1, 9, 16},
                            Shape{2, 40, 33}, Shape{1, 3, 1100}, Shape{1, 2, 2}}) {
    for (const int64_t padding :
         {int64_t{0}, int64_t{1}, std::min<int64_t>(4, shape.height - 1), shape.height - 1}) {
      if (padding >= std::min(shape.height, shape.width)) continue;
      for (const bool flip : {false, true}) {
        if (padding == 0 && !flip) continue;
        expect_cut<unsigned char>(shape, padding, flip);
        expect_cut<float>(shape, padding, flip);
      }
    }
  }
}

TEST(Augment, LeavesEvaluationAlone) {
  const Pictures<unsigned char> pictures(5, {3, 20, 20});
  const Options both = options_of("crop 3, flip", "1,2,3/0.5,2,4");
  EXPECT_TRUE(test::same_bits(unpacked(pictures, both, 0, 5, std::nullopt),
                              unpacked(pictures, options_of("none", "1,2,3/0.5,2,4"), 0, 5)));
}

TEST(Augment, NormalisationIsPerChannelAndComesAfterThePadding) {
  const Pictures<unsigned char> pictures(3, {2, 17, 17});
  for (const char* augment : {"none", "crop 2"}) {
    const Options options = options_of(augment, "0.5,-3/2,0.125");
    const std::vector<float> out = unpacked(pictures, options, 0, 3);
    const double mean[] = {0.5, -3};
    const double deviation[] = {2, 0.125};
    for (int64_t feature = 0; feature < 2 * 289; ++feature) {
      const int64_t c = feature / 289, y = feature % 289 / 17, x = feature % 17;
      for (int64_t n = 0; n < 3; ++n) {
        const NaiveCut cut = naive_cut(options, options.augment == "none" ? 0 : 2, false,
                                       pictures.samples.indices[static_cast<size_t>(n)], kEpoch);
        const double value = pictures.at(n, c, y + cut.down, x + cut.right) * 0.25 - 1;
        EXPECT_FLOAT_EQ(out[static_cast<size_t>(feature * 16 + n)],
                        static_cast<float>((value - mean[c]) / deviation[c]));
      }
      for (int64_t n = 3; n < 16; ++n) ASSERT_EQ(out[static_cast<size_t>(feature * 16 + n)], 0);
    }
  }
}

std::vector<float> column(const std::vector<float>& out, int64_t columns, int64_t n) {
  std::vector<float> values;
  for (size_t f = static_cast<size_t>(n); f < out.size(); f += static_cast<size_t>(columns))
    values.push_back(out[f]);
  return values;
}

TEST(Augment, ASampleHasTheSameBitsInWhateverMicrobatchOfItsEpoch) {
  const Pictures<unsigned char> pictures(40, {3, 32, 32});
  const Options options = options_of("crop 4, flip", "0.3,0.4,0.5/0.7,0.6,0.3");
  const std::vector<float> together = unpacked(pictures, options, 0, 40);
  for (const int64_t first : {0, 3, 17, 39}) {
    const int64_t count = std::min<int64_t>(40 - first, 7);
    const std::vector<float> apart = unpacked(pictures, options, first, count);
    for (int64_t n = 0; n < count; ++n)
      EXPECT_TRUE(test::same_bits(column(apart, 16, n), column(together, 48, first + n))) << first + n;
  }
}

TEST(Augment, DependsOnEpochSampleAndSeed) {
  Pictures<unsigned char> pictures(32, {1, 24, 24});
  Options options = options_of("crop 4, flip");
  const std::vector<float> out = unpacked(pictures, options, 0, 32);
  EXPECT_TRUE(test::same_bits(unpacked(pictures, options, 0, 32), out));
  EXPECT_FALSE(test::same_bits(unpacked(pictures, options, 0, 32, kEpoch + 1), out));
  for (int64_t& index : pictures.samples.indices) index += 1000;
  EXPECT_FALSE(test::same_bits(unpacked(pictures, options, 0, 32), out));
  for (int64_t& index : pictures.samples.indices) index -= 1000;
  options.seed = 10;
  EXPECT_FALSE(test::same_bits(unpacked(pictures, options, 0, 32), out));
}

// One lit point in a picture of zeros shows how each sample was cut.
TEST(Augment, AllPlacesAndBothSidesComeEquallyOften) {
  constexpr int64_t kSamples = 8000;
  Pictures<unsigned char> pictures(1, {1, 17, 17});
  std::fill(pictures.values.begin(), pictures.values.end(), 0);
  pictures.values[8 * 17 + 5] = 4;  // left of the middle
  pictures.info.offset = 0;
  pictures.samples.indices.resize(kSamples);
  std::iota(pictures.samples.indices.begin(), pictures.samples.indices.end(), 0);
  pictures.samples.inputs.resize(kSamples, pictures.samples.inputs[0]);
  const std::vector<float> out = unpacked(pictures, options_of("crop 1, flip"), 0, kSamples);
  std::map<std::pair<int64_t, int64_t>, int64_t> seen;
  for (int64_t feature = 0; feature < 289; ++feature) {
    for (int64_t n = 0; n < kSamples; ++n)
      if (out[static_cast<size_t>(feature * kSamples + n)] == 1.0f) ++seen[{feature / 17, feature % 17}];
  }
  ASSERT_EQ(seen.size(), 18u);
  const double expected = kSamples / 18.0;
  double squares = 0;  // chi squared, of 17 degrees of freedom
  for (const auto& [place, count] : seen) {
    EXPECT_TRUE(place.first >= 7 && place.first <= 9);
    EXPECT_TRUE(std::abs(place.second - 5) <= 1 || std::abs(place.second - 11) <= 1);
    squares += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
  }
  EXPECT_LT(squares, 40.8) << "which chance exceeds once in a thousand";
}

TEST(Augment, FlipsDoNotChangeWhereCropsAre) {
  const Pictures<unsigned char> pictures(32, {1, 24, 24});
  const std::vector<float> crops = unpacked(pictures, options_of("crop 4"), 0, 32);
  const std::vector<float> both = unpacked(pictures, options_of("crop 4, flip"), 0, 32);
  int64_t same = 0;
  for (int64_t n = 0; n < 32; ++n) {
    std::vector<float> picture = column(both, 32, n);
    const std::vector<float> crop = column(crops, 32, n);
    if (test::same_bits(picture, crop)) {
      ++same;
      continue;
    }
    for (auto row = picture.begin(); row != picture.end(); row += 24) std::reverse(row, row + 24);
    EXPECT_TRUE(test::same_bits(picture, crop)) << "sample " << n;
  }
  EXPECT_TRUE(same > 0 && same < 32);
}

}  // namespace
}  // namespace lockstep::data
