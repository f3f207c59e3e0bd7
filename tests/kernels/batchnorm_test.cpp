#include "lockstep/kernels/batchnorm.h"

#include "compare.h"
#include "lockstep/kernels/reference.h"

namespace lockstep::kernels {
namespace {

using test::random_values;

constexpr float kEpsilon = 1e-3f;

// channels, positions, samples, columns
const std::vector<BatchnormShape> kShapes = {
    {1, 1, 2, 16},     {3, 1, 32, 32},   {20, 1, 37, 48},  // vectors
    {2, 3, 16, 16},    {4, 64, 32, 32},                    // whole vectors of samples
    {3, 66, 5, 16},    {2, 131, 17, 32},                   // samples that end within a vector
    {1, 1024, 15, 16}, {5, 7, 1, 16},
};

// For each channel another mean and deviation, as activations have them; NaN beyond the samples.
Values activations(const BatchnormShape& s) {
  Values in = random_values(s.channels * s.positions * s.columns, 1);
  for (int64_t i = 0; i < static_cast<int64_t>(in.size()); ++i) {
    const float c = static_cast<float>(i / (s.positions * s.columns));
    float& x = in[static_cast<size_t>(i)];
    x = i % s.columns < s.samples ? (x * (1 + c) + 3 * c - 2) : kNan;
  }
  return in;
}

class Batchnorm : public ::testing::TestWithParam<BatchnormShape> {
 protected:
  Batchnorm() {
    reference::batchnorm_moments(s_, in_.data(), mean_.data(), variance_.data());
    for (size_t i = 0; i < delta_.size(); ++i)
      if (static_cast<int64_t>(i) % s_.columns >= s_.samples) delta_[i] = 0;
  }
  Values per_channel(uint32_t item) const { return random_values(s_.channels, item); }

  BatchnormShape s_ = GetParam();
  Values in_ = activations(s_);
  Values delta_ = random_values(static_cast<int64_t>(in_.size()), 2);
  Values gamma_ = per_channel(3);
  Values beta_ = per_channel(4);
  Values mean_ = per_channel(5);
  Values variance_ = per_channel(6);
};

INSTANTIATE_TEST_SUITE_P(Shapes, Batchnorm, ::testing::ValuesIn(kShapes));

TEST_P(Batchnorm, MomentsAreTheReference) {
  Values mean(mean_.size(), kNan);
  Values variance(mean_.size(), kNan);
  batchnorm_moments(s_, in_.data(), mean.data(), variance.data());
  Values sizes;
  for (size_t c = 0; c < mean_.size(); ++c) sizes.push_back(std::fabs(mean_[c]) + std::sqrt(variance_[c]));
  expect_near(mean, mean_, sizes, 3e-7);
  expect_near(variance, variance_, variance_, 3e-6);
}

// Sums over two halves of the channels' values, as if these were samples of two microbatches.
TEST_P(Batchnorm, SumsOfPartsGiveTheMomentsOfTheWhole) {
  Values other = in_;
  for (float& x : other) x = 2 - 3 * x;
  const size_t channels = mean_.size();
  std::vector<double> sums(4 * channels);
  batchnorm_sums(s_, in_.data(), sums.data(), &sums[channels]);
  batchnorm_sums(s_, other.data(), &sums[2 * channels], &sums[3 * channels]);
  for (size_t i = 0; i < 2 * channels; ++i) sums[i] += sums[2 * channels + i];
  Values mean(channels);
  Values variance(channels);
  batchnorm_moments_of_sums(s_.channels, 2 * s_.values(), sums.data(), &sums[channels], mean.data(),
                            variance.data());
  for (size_t c = 0; c < channels; ++c) {
    std::vector<double> values;
    for (size_t i = c * in_.size() / channels; i < (c + 1) * in_.size() / channels; ++i) {
      if (static_cast<int64_t>(i) % s_.columns >= s_.samples) continue;
      values.push_back(static_cast<double>(in_[i]));
      values.push_back(static_cast<double>(other[i]));
    }
    double expected_mean = 0;
    double expected_variance = 0;
    for (const double x : values) expected_mean += x / static_cast<double>(values.size());
    for (const double x : values)
      expected_variance += (x - expected_mean) * (x - expected_mean) / static_cast<double>(values.size());
    EXPECT_NEAR(static_cast<double>(mean[c]), expected_mean, 1e-6 * (1 + std::sqrt(expected_variance)));
    EXPECT_NEAR(static_cast<double>(variance[c]), expected_variance, 1e-6 * expected_variance);
  }
}

TEST_P(Batchnorm, NormaliseIsTheReferenceApartAndInPlace) {
  Values found(in_.size(), kNan);
  Values expected(in_.size());
  batchnorm_normalise(s_, in_.data(), mean_.data(), variance_.data(), gamma_.data(), beta_.data(), kEpsilon,
                      found.data());
  reference::batchnorm_normalise(s_, in_.data(), mean_.data(), variance_.data(), gamma_.data(), beta_.data(),
                                 kEpsilon, expected.data());
  expect_near(found, expected, Values(found.size(), 3.0f));
  batchnorm_normalise(s_, in_.data(), mean_.data(), variance_.data(), gamma_.data(), beta_.data(), kEpsilon,
                      in_.data());
  EXPECT_TRUE(test::same_bits(in_, found));
}

TEST_P(Batchnorm, GradIsTheReference) {
  Values sum(mean_.size(), kNan);
  Values dot(mean_.size(), kNan);
  Values expected_sum(mean_.size());
  Values expected_dot(mean_.size());
  batchnorm_grad(s_, in_.data(), mean_.data(), variance_.data(), kEpsilon, delta_.data(), sum.data(),
                 dot.data());
  reference::batchnorm_grad(s_, in_.data(), mean_.data(), variance_.data(), kEpsilon, delta_.data(),
                            expected_sum.data(), expected_dot.data());
  const Values sizes(mean_.size(), static_cast<float>(s_.values()));
  expect_near(sum, expected_sum, sizes, 3e-7);
  expect_near(dot, expected_dot, sizes, 3e-7);
}

TEST_P(Batchnorm, BpropIsTheReference) {
  Values sum(mean_.size());
  Values dot(mean_.size());
  batchnorm_grad(s_, in_.data(), mean_.data(), variance_.data(), kEpsilon, delta_.data(), sum.data(),
                 dot.data());
  const auto bprop = [&](const Values& out_delta, bool accumulate, Values& in_delta) {
    batchnorm_bprop(s_, in_.data(), mean_.data(), variance_.data(), gamma_.data(), kEpsilon, out_delta.data(),
                    s_.values(), sum.data(), dot.data(), accumulate, in_delta.data());
  };
  Values sizes;
  for (size_t i = 0; i < in_.size(); ++i) {
    const size_t c = i / static_cast<size_t>(s_.positions * s_.columns);
    sizes.push_back(1 + 6 / std::sqrt(variance_[c] + kEpsilon));
  }
  for (const bool accumulate : {false, true}) {
    Values found = accumulate ? random_values(static_cast<int64_t>(in_.size()), 7) : Values(in_.size(), kNan);
    Values expected = found;
    bprop(delta_, accumulate, found);
    reference::batchnorm_bprop(s_, in_.data(), mean_.data(), variance_.data(), gamma_.data(), kEpsilon,
                               delta_.data(), accumulate, expected.data());
    expect_near(found, expected, sizes);
    if (accumulate) continue;
    Values in_place = delta_;
    bprop(in_place, false, in_place);
    EXPECT_TRUE(test::same_bits(in_place, found));
    for (size_t i = 0; i < found.size(); ++i) {
      if (static_cast<int64_t>(i) % s_.columns >= s_.samples) {
        ASSERT_EQ(found[i], 0.0f) << "beyond the samples";
      }
    }
  }
}

TEST_P(Batchnorm, GivesTheSameBitsWhereverTheArraysLie) {
  expect_same_bits_everywhere([&](size_t shift) {
    Shifted in(in_, shift);
    Shifted delta(delta_, shift / 2);
    Shifted out(delta_, shift / 3);
    Values all = mean_;
    Values variance = variance_;
    Values sum(mean_.size());
    Values dot(mean_.size());
    batchnorm_moments(s_, in.data(), all.data(), variance.data());
    batchnorm_grad(s_, in.data(), all.data(), variance.data(), kEpsilon, delta.data(), sum.data(),
                   dot.data());
    batchnorm_bprop(s_, in.data(), all.data(), variance.data(), gamma_.data(), kEpsilon, delta.data(),
                    s_.values(), sum.data(), dot.data(), true, out.data());
    for (const Values& more : {variance, sum, dot, out.values()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  });
}

TEST(BatchnormMoments, OfAChannelOfEqualsAreThatValueAndZero) {
  for (const float value : {0.0f, 0.1f, -1000.3f, 1e-20f, 3e7f}) {
    const BatchnormShape s{1, 1000, 31, 32};
    const Values in(32000, value);
    float mean = kNan;
    float variance = kNan;
    batchnorm_moments(s, in.data(), &mean, &variance);
    EXPECT_EQ(mean, value);
    EXPECT_EQ(variance, 0.0f) << value;
    Values out(32000);
    const float gamma = 2;
    const float beta = 0.5f;
    batchnorm_normalise(s, in.data(), &mean, &variance, &gamma, &beta, 1e-5f, out.data());
    for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], i % 32 < 31 ? 0.5f : 0.0f);
  }
}

// A mean that is far larger than the deviation takes no digits from the variance.
TEST(BatchnormMoments, HoldFarFromZero) {
  const BatchnormShape s{1, 200, 16, 16};
  Values in = random_values(3200, 1);
  for (float& x : in) x = std::round(x * 64) / 64 + 4096;  // without rounding
  float mean = 0;
  float variance = 0;
  Values expected(2);
  batchnorm_moments(s, in.data(), &mean, &variance);
  reference::batchnorm_moments(s, in.data(), &expected[0], &expected[1]);
  EXPECT_FLOAT_EQ(mean, expected[0]);
  EXPECT_NEAR(variance, expected[1], 1e-6);
  double sum = 0;
  double squares = 0;
  batchnorm_sums(s, in.data(), &sum, &squares);
  batchnorm_moments_of_sums(1, s.values(), &sum, &squares, &mean, &variance);
  EXPECT_FLOAT_EQ(mean, expected[0]);
  EXPECT_NEAR(variance, expected[1], 1e-6);
}

}  // namespace
}  // namespace lockstep::kernels
