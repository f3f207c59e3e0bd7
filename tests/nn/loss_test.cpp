#include "lockstep/nn/loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"
#include "support/expect.h"
#include "support/values.h"

namespace lockstep::nn {
namespace {

using Values = std::vector<float>;

// Some outputs and what they are compared with, and one loss over them.
struct Comparison {
  Comparison(const std::string& loss_name, int64_t samples, int64_t feature_count = 7)
      : loss(make_loss(loss_name)), features(feature_count) {
    pass.samples = samples;
    pass.columns = kernels::columns_for(samples);
    output = test::random_values(features * pass.columns, 1, -3, 3);
    values = test::random_values(features * pass.columns, 2, 0, 1);
    RandomStream stream(1, Purpose::kTest, 3);
    for (int64_t n = 0; n < samples; ++n) {
      labels.push_back(static_cast<int32_t>(stream.below(static_cast<uint32_t>(features))));
    }
  }
  LossSums evaluate(float scale = 1, Values* delta = nullptr) const {
    if (delta != nullptr) delta->assign(output.size(), 1e9f);
    const Truth truth{loss->needs_labels() ? labels.data() : nullptr, values.data()};
    return loss->evaluate(pass, features, output.data(), truth, scale,
                          delta == nullptr ? nullptr : delta->data());
  }
  double at(const Values& array, int64_t feature, int64_t sample) const {
    return static_cast<double>(array[static_cast<size_t>(feature * pass.columns + sample)]);
  }

  std::unique_ptr<Loss> loss;
  int64_t features;
  Pass pass;
  Values output;
  Values values;
  std::vector<int32_t> labels;
};

// One sample's loss, straight from the formula; a loss without one here fails the tests.
double formula(const Comparison& c, const std::string& name, int64_t n) {
  double loss = 0;
  double exponentials = 0;
  for (int64_t f = 0; f < c.features; ++f) {
    const double x = c.at(c.output, f, n);
    const double t = c.at(c.values, f, n);
    const double s = 1 / (1 + std::exp(-x));
    exponentials += std::exp(x);
    if (name == "squared") loss += 0.5 * (x - t) * (x - t);
    if (name == "cross-entropy") loss -= t * std::log(s) + (1 - t) * std::log(1 - s);
  }
  if (name == "softmax") {
    return std::log(exponentials) - c.at(c.output, c.labels[static_cast<size_t>(n)], n);
  }
  if (name != "squared" && name != "cross-entropy")
    ADD_FAILURE() << "loss '" << name << "' has no formula here";
  return loss;
}

class Losses : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const LossType& type : loss_table()) names.push_back(type.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Table, Losses, ::testing::ValuesIn(loss_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(Losses, AreTheSumOfTheirFormulaOverTheSamples) {
  for (const int64_t samples : {1, 5, 16, 31, 32}) {
    const Comparison c(GetParam(), samples);
    double expected = 0;
    for (int64_t n = 0; n < samples; ++n) expected += formula(c, GetParam(), n);
    EXPECT_NEAR(c.evaluate().loss, expected, 1e-6 * expected) << samples << " samples";
  }
}

TEST_P(Losses, HaveTheirCentralDifferenceAsDerivative) {
  Comparison c(GetParam(), 5);
  Values delta;
  c.evaluate(1, &delta);
  constexpr float kStep = 0.01f;
  for (size_t i = 0; i < c.output.size(); ++i) {
    const float before = c.output[i];
    c.output[i] = before + kStep;
    const double above = c.evaluate().loss;
    c.output[i] = before - kStep;
    const double below = c.evaluate().loss;
    c.output[i] = before;
    EXPECT_NEAR(static_cast<double>(delta[i]), (above - below) / (2 * static_cast<double>(kStep)), 5e-4) << i;
  }
}

TEST_P(Losses, ScaleTheDerivativeAndNotTheLoss) {
  const Comparison c(GetParam(), 5);
  Values whole;
  Values scaled;
  const LossSums sums = c.evaluate(1, &whole);
  EXPECT_EQ(c.evaluate(0.125f, &scaled).loss, sums.loss);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(scaled[i], 0.125f * whole[i], 1e-7f);
}

TEST_P(Losses, LeaveZeroBeyondTheSamplesAndReadNothingThere) {
  for (const int64_t samples : {1, 15, 17}) {
    Comparison c(GetParam(), samples);
    Values before;
    const LossSums sums = c.evaluate(1, &before);
    for (int64_t f = 0; f < c.features; ++f) {
      for (int64_t n = samples; n < c.pass.columns; ++n) {
        const size_t i = static_cast<size_t>(f * c.pass.columns + n);
        EXPECT_EQ(before[i], 0) << f << " " << n;
        c.output[i] = 1000 * (static_cast<float>(n) - 7);
        c.values[i] = -3;
      }
    }
    Values after;
    EXPECT_EQ(c.evaluate(1, &after).loss, sums.loss);
    EXPECT_EQ(c.evaluate().error, sums.error);
    EXPECT_TRUE(test::same_bits(after, before));
  }
}

TEST_P(Losses, OfLargeOutputsAreFinite) {
  Comparison c(GetParam(), 16);
  for (float& x : c.output) x *= 1e4f;
  Values delta;
  EXPECT_TRUE(std::isfinite(c.evaluate(1, &delta).loss));
  EXPECT_TRUE(std::all_of(delta.begin(), delta.end(), [](float d) { return std::isfinite(d); }));
}

TEST(Softmax, CountsTheSamplesWhoseLargestOutputIsNotAtTheirLabel) {
  Comparison c("softmax", 4, 3);
  c.labels = {0, 1, 2, 1};
  std::fill(c.output.begin(), c.output.end(), 0.0f);
  c.output[static_cast<size_t>(2 * c.pass.columns + 1)] = 5;  // sample 1 answers 2
  c.output[static_cast<size_t>(2 * c.pass.columns + 2)] = 5;  // sample 2 too, rightly
  c.output[static_cast<size_t>(1 * c.pass.columns + 3)] = 0;  // sample 3: all equal, so it answers 0
  EXPECT_EQ(c.evaluate().error, 2);
}

TEST(Squared, ErrorIsTheSummedSquareOrWithLabelsTheWrongAnswers) {
  Comparison c("squared", 2, 2);
  c.values.assign(c.values.size(), 0.0f);
  c.output.assign(c.output.size(), 3.0f);
  EXPECT_EQ(c.evaluate().error, 2 * 2 * 9);
  c.labels = {1, 0};  // equal outputs: the first counts
  EXPECT_EQ(
      c.loss->evaluate(c.pass, 2, c.output.data(), {c.labels.data(), c.values.data()}, 1, nullptr).error, 1);
}

TEST(CrossEntropy, ValuesOutsideItsRangeAreAnErrorWithTheValue) {
  for (const float value : {-0.25f, 1.5f, std::nanf("")}) {
    Comparison c("cross-entropy", 5);
    c.values[static_cast<size_t>(3 * c.pass.columns + 4)] = value;
    test::expect_error([&] { c.evaluate(); }, {text("the value ", value), "from 0 to 1", "loss = squared"});
  }
  Comparison bounds("cross-entropy", 5);
  std::fill(bounds.values.begin(), bounds.values.end(), 1.0f);
  bounds.values[0] = 0;
  EXPECT_TRUE(std::isfinite(bounds.evaluate().loss));
}

TEST(MakeLoss, AnUnknownNameIsAnError) {
  test::expect_usage_error([] { make_loss("softmx"); }, {"there is no loss 'softmx'"});
}

}  // namespace
}  // namespace lockstep::nn
