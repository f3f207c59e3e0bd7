#include "lockstep/analysis/contrast.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/kernels/layout.h"
#include "support/values.h"

namespace lockstep::analysis {
namespace {

constexpr int64_t kWidth = 27;
constexpr int64_t kCount = 50;

std::vector<float> patches() { return test::random_values(kCount * kWidth, 3, 0, 255); }

TEST(ContrastNormalisation, IsItsFormula) {
  const std::vector<float> before = patches();
  std::vector<float> after = before;
  std::vector<float> mean(kCount);
  std::vector<float> deviation(kCount);
  contrast_normalise(kCount, kWidth, 10, after.data(), mean.data(), deviation.data());
  for (int64_t n = 0; n < kCount; ++n) {
    double m = 0;
    double v = 0;
    for (int64_t i = 0; i < kWidth; ++i) m += before[static_cast<size_t>(n * kWidth + i)] / double{kWidth};
    for (int64_t i = 0; i < kWidth; ++i)
      v += std::pow(before[static_cast<size_t>(n * kWidth + i)] - m, 2) / double{kWidth};
    EXPECT_NEAR(mean[static_cast<size_t>(n)], m, 1e-4);
    EXPECT_NEAR(deviation[static_cast<size_t>(n)], std::sqrt(v + 10), 1e-4);
    for (int64_t i = 0; i < kWidth; ++i) {
      const size_t at = static_cast<size_t>(n * kWidth + i);
      EXPECT_NEAR(after[at], (before[at] - m) / std::sqrt(v + 10), 1e-6);
    }
  }
}

TEST(ContrastNormalisation, IsUndoneByMeanAndDeviation) {
  const std::vector<float> before = patches();
  std::vector<float> after = before;
  std::vector<float> mean(kCount);
  std::vector<float> deviation(kCount);
  contrast_normalise(kCount, kWidth, 10, after.data(), mean.data(), deviation.data());
  contrast_restore(kCount, kWidth, mean.data(), deviation.data(), after.data());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 255 * 1e-6);
}

TEST(ContrastNormalisation, OfAFlatPatchIsZeroAndIsUndoneToo) {
  for (const double constant : {0.0, 10.0}) {
    std::vector<float> flat(kWidth, 100.1f);
    float mean = 0;
    float deviation = 0;
    contrast_normalise(1, kWidth, constant, flat.data(), &mean, &deviation);
    for (const float value : flat) EXPECT_NEAR(value, 0, 1e-5);
    contrast_restore(1, kWidth, &mean, &deviation, flat.data());
    for (const float value : flat) EXPECT_NEAR(value, 100.1f, 1e-5);
  }
}

TEST(ContrastNormalisation, OfValuesThatStandForBytesIsThatOfTheBytes) {
  io::DatasetInfo info;
  info.scale = 1.0 / 255;
  info.offset = -0.5;
  std::vector<float> bytes = patches();
  std::vector<float> values = bytes;
  for (float& value : values) value = value / 255 - 0.5f;
  contrast_normalise(kCount, kWidth, 10, bytes.data(), nullptr, nullptr);
  contrast_normalise(kCount, kWidth, contrast_of_values(info, 10), values.data(), nullptr, nullptr);
  for (size_t i = 0; i < bytes.size(); ++i) EXPECT_NEAR(values[i], bytes[i], 1e-5);
}

TEST(ContrastNormalisation, InColumnsIsTheSame) {
  const int64_t columns = kernels::columns_for(kCount);
  std::vector<float> rows = patches();
  std::vector<float> across(static_cast<size_t>(kWidth * columns));
  for (int64_t n = 0; n < kCount; ++n) {
    for (int64_t i = 0; i < kWidth; ++i)
      across[static_cast<size_t>(i * columns + n)] = rows[static_cast<size_t>(n * kWidth + i)];
  }
  contrast_normalise(kCount, kWidth, 10, rows.data(), nullptr, nullptr);
  contrast_normalise_columns(kWidth, columns, 10, across.data());
  for (int64_t n = 0; n < columns; ++n) {
    for (int64_t i = 0; i < kWidth; ++i) {
      const float expected = n < kCount ? rows[static_cast<size_t>(n * kWidth + i)] : 0;
      EXPECT_NEAR(across[static_cast<size_t>(i * columns + n)], expected, 2e-5);
    }
  }
  std::vector<float> empty(static_cast<size_t>(kWidth * kernels::kLanes));
  contrast_normalise_columns(kWidth, kernels::kLanes, 0, empty.data());
  EXPECT_EQ(empty, std::vector<float>(empty.size())) << "0 / 0 is none of our numbers";
}

}  // namespace
}  // namespace lockstep::analysis
