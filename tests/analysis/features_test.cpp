// Dense features beside naive loops in double precision.
#include "lockstep/analysis/features.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/team_of_threads.h"
#include "lockstep/analysis/learning.h"
#include "nn/small_network.h"
#include "support/expect.h"
#include "support/folder.h"

namespace lockstep::analysis {
namespace {

using Doubles = std::vector<double>;

constexpr int64_t kSize = 3;
const Shape kPicture{2, 7, 8};  // 5 x 6 places: an odd and an even number
constexpr int64_t kPatchWidth = 2 * kSize * kSize;

io::DatasetInfo bytes() {
  io::DatasetInfo info;
  info.sample_dims = {kPicture.channels, kPicture.height, kPicture.width};
  info.scale = 1.0 / 255;
  return info;
}

std::vector<float> random_pictures(int64_t count) {
  std::vector<float> values = test::random_values(count * kPicture.size(), 5, 0, 1);
  return values;
}

Doubles patch_at(const float* picture, int64_t y, int64_t x) {
  Doubles patch;
  for (int64_t c = 0; c < kPicture.channels; ++c) {
    for (int64_t i = 0; i < kSize; ++i) {
      for (int64_t j = 0; j < kSize; ++j) {
        patch.push_back(static_cast<double>(picture[(c * kPicture.height + y + i) * kPicture.width + x + j]));
      }
    }
  }
  return patch;
}

Doubles normalised(Doubles patch, double constant) {
  double mean = 0;
  double variance = 0;
  for (const double value : patch) mean += value / static_cast<double>(patch.size());
  for (const double value : patch)
    variance += (value - mean) * (value - mean) / static_cast<double>(patch.size());
  for (double& value : patch) value = (value - mean) / std::sqrt(variance + constant);
  return patch;
}

Doubles triangle(const Doubles& patch, const Rows& centres) {
  Doubles distances;
  double mean = 0;
  for (int64_t k = 0; k < centres.count; ++k) {
    double squared = 0;
    for (size_t i = 0; i < patch.size(); ++i) {
      squared += std::pow(patch[i] - static_cast<double>(centres.row(k)[i]), 2);
    }
    distances.push_back(std::sqrt(squared));
    mean += distances.back() / static_cast<double>(centres.count);
  }
  for (double& distance : distances) distance = std::max(0.0, mean - distance);
  return distances;
}

// The sums over quadrants of a code of every patch: [features, 2, 2].
template <class Code>
Doubles pooled(const float* picture, int64_t features, const Code& code) {
  Doubles sums(static_cast<size_t>(4 * features));
  for (int64_t y = 0; y < 5; ++y) {
    for (int64_t x = 0; x < 6; ++x) {
      const Doubles values = code(patch_at(picture, y, x));
      const size_t part = (y < 3 ? 0 : 2) + (x < 3 ? 0 : 1);
      for (size_t k = 0; k < values.size(); ++k) sums[4 * k + part] += values[k];
    }
  }
  return sums;
}

PreparationOptions patches_alone() {
  PreparationOptions preparation;
  preparation.patches = PatchOptions{.size = kSize, .count = 200};
  return preparation;
}

Rows centres(int64_t count = 21) { return {count, kPatchWidth, test::random_values(count * kPatchWidth, 8)}; }

void expect_near(std::span<const float> found, const Doubles& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance) << i;
}

TEST(DenseFeatures, AreTrianglesSummedOverQuadrants) {
  const DenseFeatures features(bytes(), patches_alone(), "", triangle_code(centres()));
  ASSERT_EQ(features.size(), 4 * 21);
  const auto pictures = random_pictures(3);
  std::vector<float> sums(static_cast<size_t>(3 * features.size()));
  features(3, pictures.data(), sums.data());
  for (int64_t n = 0; n < 3; ++n) {
    expect_near(std::span(sums).subspan(static_cast<size_t>(n * features.size()), 84),
                pooled(pictures.data() + n * kPicture.size(), 21,
                       [](const Doubles& patch) { return triangle(patch, centres()); }),
                1e-5);
  }
}

TEST(DenseFeatures, OfPatchesThatAreNormalisedOnTheScaleOfTheStoredNumbers) {
  PreparationOptions preparation = patches_alone();
  preparation.contrast = 10;
  const DenseFeatures features(bytes(), preparation, "", triangle_code(centres()));
  const auto picture = random_pictures(1);
  std::vector<float> sums(84);
  features(1, picture.data(), sums.data());
  expect_near(
      sums,
      pooled(picture.data(), 21,
             [](const Doubles& patch) { return triangle(normalised(patch, 10.0 / (255 * 255)), centres()); }),
      1e-4);
}

TEST(DenseFeatures, OfPatchesThatAreWhitenedAsTheFileSays) {
  const test::Folder folder;
  std::vector<unsigned char> stored;
  for (const float value : test::random_values(40 * kPicture.size(), 6, 0, 255)) {
    stored.push_back(static_cast<unsigned char>(value));
  }
  data::Dataset pictures;
  pictures.info = bytes();
  pictures.train = std::make_unique<ValueSplit<unsigned char>>(stored, kPicture.size());
  PreparationOptions preparation = patches_alone();
  for (const bool zca : {true, false}) {
    preparation.whitening = WhiteningOptions{.zca = zca, .epsilon = 0.01, .components = zca ? 0 : 7};
    TeamOfThreads threads(2);
    prepare_dataset(threads.team, pictures, preparation, folder / "patches.h5");
    const PatchPlaces places =
        PatchPlaces::random(40, kPicture, kSize, preparation.patches->count, preparation.seed);
    const Rows rows = patches_of(threads.team, *pictures.train, pictures.info, places);
    const Whitening whitening(statistics_of(threads.team, rows), *preparation.whitening);
    const Rows few{9, whitening.outputs(), test::random_values(9 * whitening.outputs(), 8)};
    const DenseFeatures features(pictures.info, preparation, folder / "patches.h5", triangle_code(few));
    const auto picture = random_pictures(1);
    std::vector<float> sums(36);
    features(1, picture.data(), sums.data());
    expect_near(sums,
                pooled(picture.data(), 9,
                       [&](const Doubles& patch) {
                         const std::vector<float> in(patch.begin(), patch.end());
                         std::vector<float> out(static_cast<size_t>(whitening.outputs()));
                         whitening.forward(1, in.data(), out.data());
                         return triangle({out.begin(), out.end()}, few);
                       }),
                1e-4);
  }
}

TEST(DenseFeatures, OfANetworkAreItsOutputsOrTheirMagnitudes) {
  nn::SmallNetwork net({kPatchWidth, 1, 1}, {"linear 6", "tanh"}, 1);
  for (const bool magnitude : {false, true}) {
    const DenseFeatures features(bytes(), patches_alone(), "",
                                 network_code(net.network, net.parameters.data(), magnitude));
    const auto picture = random_pictures(1);
    std::vector<float> sums(24);
    features(1, picture.data(), sums.data());
    expect_near(sums,
                pooled(picture.data(), 6,
                       [&](const Doubles& patch) {
                         nn::Values input(static_cast<size_t>(kPatchWidth * net.pass.columns));
                         for (size_t i = 0; i < patch.size(); ++i) {
                           input[i * static_cast<size_t>(net.pass.columns)] = static_cast<float>(patch[i]);
                         }
                         net.set_input(input);
                         const nn::Values output = net.output();
                         Doubles code;
                         for (size_t k = 0; k < 6; ++k) {
                           const double value =
                               static_cast<double>(output[k * static_cast<size_t>(net.pass.columns)]);
                           code.push_back(magnitude ? std::fabs(value) : value);
                         }
                         return code;
                       }),
                1e-5);
  }
}

TEST(Standardisation, BringsEachFeatureToMeanZeroAndAlmostDeviationOne) {
  std::vector<float> rows = test::random_values(50 * 3, 4, -20, 30);
  for (size_t n = 0; n < 50; ++n) rows[3 * n + 2] = 7;  // a feature that does not vary
  const std::vector<float> before = rows;
  const Standardisation found = standardisation_of(rows, 3);
  standardise(found, rows);
  for (size_t i = 0; i < 3; ++i) {
    double mean = 0;
    double squares = 0;
    for (size_t n = 0; n < 50; ++n) mean += before[3 * n + i] / 50.0;
    for (size_t n = 0; n < 50; ++n) squares += std::pow(before[3 * n + i] - mean, 2) / 50;
    EXPECT_NEAR(found.mean[i], mean, 1e-9);
    EXPECT_NEAR(found.deviation[i], std::sqrt(squares + 0.01), 1e-9);
    for (size_t n = 0; n < 50; ++n)
      EXPECT_NEAR(rows[3 * n + i], (before[3 * n + i] - mean) / std::sqrt(squares + 0.01), 1e-5);
  }
}

TEST(Learning, LinesSayTheLearner) {
  const LearningOptions k_means = learning_options("kmeans 400 iterations=7", "f.cfg:2");
  EXPECT_EQ(k_means.learner, Learner::kKMeans);
  EXPECT_EQ(k_means.count, 400);
  EXPECT_EQ(k_means.iterations, 7);
  EXPECT_FALSE(k_means.is_network());
  const LearningOptions rica = learning_options("rica 30 lambda=0.5 epochs=3 rate=0.01", "f.cfg:2");
  EXPECT_TRUE(rica.is_network());
  EXPECT_EQ(rica.epochs, 3);
  EXPECT_EQ(rica.lambda, 0.5);
  test::expect_usage_error([] { learning_options("k-means 400", "f.cfg:2"); },
                           {"f.cfg:2: learner 'k-means 400'", "there is no learner 'k-means'", "'kmeans'?"});
  test::expect_usage_error([] { learning_options("kmeans", "f.cfg:2"); }, {"it needs a number (count)"});
  test::expect_usage_error([] { learning_options("random-patches 5 iterations=3", "f.cfg:2"); },
                           {"there is no 'iterations=' for it"});
}

TEST(Learning, PicksPatchesEachOnce) {
  TeamOfThreads threads(1);
  Rows patches{40, 1, {}};
  for (int i = 0; i < 40; ++i) patches.values.push_back(static_cast<float>(i));
  LearningOptions options = learning_options("random-patches 40", "a test");
  Rows found = learn_centres(threads.team, patches, options, 3);
  EXPECT_FALSE(std::is_sorted(found.values.begin(), found.values.end()));
  std::sort(found.values.begin(), found.values.end());
  EXPECT_EQ(found.values, patches.values);
  options.count = 41;
  test::expect_usage_error([&] { learn_centres(threads.team, patches, options, 3); },
                           {"41 patches cannot be picked from 40"});
}

TEST(Learning, DrawsVectorsAsLongAsThePatches) {
  TeamOfThreads threads(1);
  const Rows patches{100, 30, std::vector<float>(3000, 0.5f)};
  const Rows found =
      learn_centres(threads.team, patches, learning_options("random-vectors 200", "a test"), 3);
  double squares = 0;
  for (const float value : found.values) squares += static_cast<double>(value) * static_cast<double>(value);
  EXPECT_NEAR(squares / 6000, 0.25, 4 * 0.25 * std::sqrt(2.0 / 6000));
}

}  // namespace
}  // namespace lockstep::analysis
