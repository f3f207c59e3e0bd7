// What the penalties add to the loss, against their formulas in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/nn/scalar_function.h"
#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kPenaltySamples = 21;  // with columns beyond the samples

double penalty_of(SmallNetwork& net) {
  net.output();
  return net.network.penalty(net.workspace);
}

// The sum over the samples' values of what the network gives.
template <class Cost>
double sum_over(SmallNetwork& net, const Cost& cost) {
  const Values output = net.output();
  double sum = 0;
  for (size_t i = 0; i < output.size(); ++i) {
    const bool sample = static_cast<int64_t>(i) % net.pass.columns < net.pass.samples;
    if (sample) sum += cost(static_cast<double>(output[i]));
  }
  return sum;
}

TEST(L1, IsTheSumOfAbsoluteValues) {
  SmallNetwork net({7, 1, 1}, {"linear 9", "l1 0.3"}, kPenaltySamples);
  const double expected = 0.3 * sum_over(net, [](double h) { return std::fabs(h); });
  EXPECT_NEAR(penalty_of(net), expected, 1e-5 * expected);
}

TEST(Saturate, IsTheDistanceToTheFlatPart) {
  for (const std::string activation : {"relu", "soft-threshold 0.4", "threshold 0.4"}) {
    SmallNetwork net({7, 1, 1}, {"linear 9 name=a", activation, "saturate 0.3"}, kPenaltySamples);
    SmallNetwork inner({7, 1, 1}, {"linear 9 name=a"}, kPenaltySamples);  // its pre-activations
    inner.parameters = net.parameters;
    const double expected = 0.3 * sum_over(inner, [&](double s) {
                              if (activation == "relu") return std::max(s, 0.0);
                              if (activation == "threshold 0.4") return std::max(s - 0.4, 0.0);
                              return std::max(std::fabs(s) - 0.4, 0.0);
                            });
    EXPECT_NEAR(penalty_of(net), expected, 1e-5 * expected) << activation;
  }
}

// Ng's formula, by the means over the samples alone; times the samples, as the loss is a sum over them.
TEST(Kl, IsTheDivergenceOfTheMeanActivations) {
  SmallNetwork net({7, 1, 1}, {"linear 9", "sigmoid", "kl 0.05 3"}, kPenaltySamples);
  const Values output = net.output();
  double expected = 0;
  for (int64_t j = 0; j < 9; ++j) {
    double mean = 0;
    for (int64_t n = 0; n < kPenaltySamples; ++n)
      mean += static_cast<double>(output[static_cast<size_t>(j * net.pass.columns + n)]) / kPenaltySamples;
    expected += 3 * kPenaltySamples * (0.05 * std::log(0.05 / mean) + 0.95 * std::log(0.95 / (1 - mean)));
  }
  EXPECT_NEAR(penalty_of(net), expected, 1e-5 * expected);
}

TEST(Kl, IsZeroWhereTheMeansAreAsWanted) {
  SmallNetwork net({7, 1, 1}, {"linear 9 name=a", "sigmoid", "kl 0.5 3"}, kPenaltySamples);
  std::fill(net.parameters.begin(), net.parameters.end(), 0.0f);
  EXPECT_NEAR(penalty_of(net), 0, 1e-12);
  for (const float g : net.gradient(Values(net.output_delta().size()))) EXPECT_EQ(g, 0.0f);
}

// A unit that is off, or on, for all samples has no infinite penalty, and is drawn back.
TEST(Kl, StaysFiniteWhereAUnitIsSaturated) {
  SmallNetwork net({7, 1, 1}, {"linear 2 name=a", "sigmoid", "kl 0.05 3"}, kPenaltySamples);
  net.set_part("a", "weights", Values(14, 0.0f));
  net.set_part("a", "bias", {-200.0f, 200.0f});
  EXPECT_TRUE(std::isfinite(penalty_of(net)));
  for (const float g : net.gradient(net.output_delta())) EXPECT_TRUE(std::isfinite(g));
}

// The formula of Rifai et al. for a sigmoid, written out: with p = h (1 - h) and q = |w|^2,
// dP/dw = 2 p^2 (w + q (1 - 2h) x) and dP/db = 2 p^2 q (1 - 2h).
TEST(Contractive, HasTheGradientOfThePaperForASigmoid) {
  SmallNetwork net({7, 1, 1}, {"linear 9 name=a", "sigmoid", "contractive 0.3"}, kPenaltySamples);
  const Values input = test::random_values(7 * net.pass.columns, 7);
  const Values h = net.output();
  const Values gradient = net.gradient(Values(h.size()));
  const Values weights = net.part(net.parameters, "a", "weights");
  for (size_t j = 0; j < 9; ++j) {
    double q = 0;
    for (size_t d = 0; d < 7; ++d) q += std::pow(static_cast<double>(weights[j * 7 + d]), 2);
    std::vector<double> expected(8);  // of the weights, then of the bias
    for (size_t n = 0; n < kPenaltySamples; ++n) {
      const double y = h[j * static_cast<size_t>(net.pass.columns) + n];
      const double factor = 0.3 / kPenaltySamples * 2 * std::pow(y * (1 - y), 2);
      for (size_t d = 0; d < 7; ++d) {
        const double x = input[d * static_cast<size_t>(net.pass.columns) + n];
        expected[d] += factor * (static_cast<double>(weights[j * 7 + d]) + q * (1 - 2 * y) * x);
      }
      expected[7] += factor * q * (1 - 2 * y);
    }
    for (size_t d = 0; d < 7; ++d) {
      EXPECT_NEAR(net.part(gradient, "a", "weights")[j * 7 + d], expected[d], 1e-6);
    }
    EXPECT_NEAR(net.part(gradient, "a", "bias")[j], expected[7], 1e-6);
  }
}

TEST(Penalties, AddUp) {
  const std::vector<std::string> encoder = {"linear 9 name=a", "sigmoid"};
  const std::vector<std::string> penalties = {"contractive 0.3", "l1 0.2", "kl 0.1 2"};
  double expected = 0;
  for (const std::string& penalty : penalties) {
    SmallNetwork one({7, 1, 1}, {encoder[0], encoder[1], penalty}, kPenaltySamples);
    expected += penalty_of(one);
  }
  SmallNetwork all({7, 1, 1}, {encoder[0], encoder[1], penalties[0], penalties[1], penalties[2]},
                   kPenaltySamples);
  EXPECT_NEAR(penalty_of(all), expected, 1e-5 * expected);
  SmallNetwork none({7, 1, 1}, encoder, kPenaltySamples);
  EXPECT_TRUE(test::same_bits(all.output(), none.output())) << "they pass on what they read";
  EXPECT_TRUE(test::same_bits(all.parameters, none.parameters));
}

// A penalty of factor 0 is none, to the bit.
TEST(Penalties, OfFactorZeroChangeNoBit) {
  SmallNetwork none({7, 1, 1}, {"linear 9 name=a", "sigmoid", "linear 7 name=b"}, kPenaltySamples);
  const Values delta = none.output_delta();
  for (const char* line : {"l1 0", "kl 0.1 0", "contractive 0"}) {
    SmallNetwork net({7, 1, 1}, {"linear 9 name=a", "sigmoid", line, "linear 7 name=b"}, kPenaltySamples);
    EXPECT_EQ(penalty_of(net), 0) << line;
    EXPECT_TRUE(test::same_bits(net.gradient(delta), none.gradient(delta))) << line;
  }
}

// The derivative is of the mean over the minibatch, whatever the microbatch.
TEST(Penalties, AreDividedByTheMinibatch) {
  SmallNetwork net({7, 1, 1}, {"linear 9", "tanh", "contractive 0.3", "l1 0.2"}, kPenaltySamples);
  const Values none(net.output_delta().size());
  const Values whole = net.gradient(none);
  net.pass.minibatch = 4 * kPenaltySamples;
  const Values quarter = net.gradient(none);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(4 * quarter[i], whole[i], 1e-6f);
}

TEST(Penalties, DoNothingInEvaluation) {
  SmallNetwork net({7, 1, 1}, {"linear 9 name=a", "sigmoid", "contractive 0.3", "l1 0.2", "kl 0.1 2"},
                   kPenaltySamples);
  SmallNetwork none({7, 1, 1}, {"linear 9 name=a", "sigmoid"}, kPenaltySamples);
  net.pass.training = false;
  none.pass.training = false;
  EXPECT_TRUE(test::same_bits(net.output(), none.output()));
}

}  // namespace
}  // namespace lockstep::nn
