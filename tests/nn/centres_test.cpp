// K-means as a network: centres, winner, and the centres again as the decoder.
#include <gtest/gtest.h>

#include <cmath>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kWidth = 19;
constexpr int64_t kCount = 7;
constexpr int64_t kSamples = 40;

SmallNetwork k_means(const std::vector<std::string>& lines = {"centres 7 name=centres", "winner",
                                                              "linear 19 tied=centres bias=no"}) {
  return SmallNetwork({kWidth, 1, 1}, lines, kSamples);
}

double squared_distance(const SmallNetwork& net, const Values& input, int64_t sample, int64_t centre) {
  const Values centres = net.part(net.parameters, "centres", "weights");
  double sum = 0;
  for (int64_t i = 0; i < kWidth; ++i) {
    sum += std::pow(static_cast<double>(input[static_cast<size_t>(i * net.pass.columns + sample)]) -
                        static_cast<double>(centres[static_cast<size_t>(centre * kWidth + i)]),
                    2);
  }
  return sum;
}

int64_t nearest(const SmallNetwork& net, const Values& input, int64_t sample) {
  int64_t best = 0;
  for (int64_t k = 1; k < kCount; ++k) {
    if (squared_distance(net, input, sample, k) < squared_distance(net, input, sample, best)) best = k;
  }
  return best;
}

TEST(Centres, DifferFromMinusHalfTheSquaredDistanceByASampleOnly) {
  SmallNetwork net = k_means({"centres 7 name=centres"});
  const Values input = test::random_values(kWidth * net.pass.columns, 7);
  const Values scores = net.output();
  for (int64_t n = 0; n < kSamples; ++n) {
    const auto score = [&](int64_t k) { return scores[static_cast<size_t>(k * net.pass.columns + n)]; };
    const double shift = score(0) + squared_distance(net, input, n, 0) / 2;
    for (int64_t k = 1; k < kCount; ++k) {
      EXPECT_NEAR(score(k), shift - squared_distance(net, input, n, k) / 2, 1e-5) << n << ", " << k;
    }
  }
}

TEST(Winner, IsExactlyOneUnitThatOfTheNearestCentre) {
  SmallNetwork net = k_means({"centres 7 name=centres", "winner"});
  const Values input = test::random_values(kWidth * net.pass.columns, 7);
  const Values code = net.output();
  for (int64_t n = 0; n < kSamples; ++n) {
    const int64_t expected = nearest(net, input, n);
    for (int64_t k = 0; k < kCount; ++k) {
      EXPECT_EQ(code[static_cast<size_t>(k * net.pass.columns + n)], k == expected ? 1.0f : 0.0f);
    }
  }
}

TEST(Winner, DecodesToTheNearestCentreItself) {
  SmallNetwork net = k_means();
  const Values input = test::random_values(kWidth * net.pass.columns, 7);
  const Values centres = net.part(net.parameters, "centres", "weights");
  const Values output = net.output();
  for (int64_t n = 0; n < kSamples; ++n) {
    const int64_t k = nearest(net, input, n);
    for (int64_t i = 0; i < kWidth; ++i) {
      EXPECT_EQ(output[static_cast<size_t>(i * net.pass.columns + n)],
                centres[static_cast<size_t>(k * kWidth + i)]);
    }
  }
}

// The gradient of half the squared distance, through the decoder alone: a centre is drawn to the mean of its
// samples, as in MacQueen's K-means.
TEST(Winner, LetsEachCentreLearnFromItsSamplesAlone) {
  SmallNetwork net = k_means();
  const Values input = test::random_values(kWidth * net.pass.columns, 7);
  Values delta = net.output();
  for (size_t i = 0; i < delta.size(); ++i) {
    delta[i] = static_cast<int64_t>(i) % net.pass.columns < kSamples ? delta[i] - input[i] : 0.0f;
  }
  const Values gradient = net.part(net.gradient(delta), "centres", "weights");
  const Values centres = net.part(net.parameters, "centres", "weights");
  for (int64_t k = 0; k < kCount; ++k) {
    for (int64_t i = 0; i < kWidth; ++i) {
      double expected = 0;
      for (int64_t n = 0; n < kSamples; ++n) {
        if (nearest(net, input, n) != k) continue;
        expected += static_cast<double>(centres[static_cast<size_t>(k * kWidth + i)]) -
                    static_cast<double>(input[static_cast<size_t>(i * net.pass.columns + n)]);
      }
      EXPECT_NEAR(gradient[static_cast<size_t>(k * kWidth + i)], expected, 1e-4) << k << ", " << i;
    }
  }
}

// Without bias there is no bias to learn, and the rest is as with one of 0.
TEST(LinearWithoutBias, IsTheOneWithABiasOfZero) {
  SmallNetwork without = k_means({"linear 5 bias=no name=a", "tanh", "linear 3 name=b"});
  SmallNetwork with = k_means({"linear 5 name=a", "tanh", "linear 3 name=b"});
  with.set_part("a", "bias", Values(5, 0.0f));
  for (const char* layer : {"a", "b"}) {
    with.set_part(layer, "weights", without.part(without.parameters, layer, "weights"));
  }
  with.set_part("b", "bias", without.part(without.parameters, "b", "bias"));
  EXPECT_EQ(without.network.layout().parameters().size() + 1, with.network.layout().parameters().size());
  const Values delta = without.output_delta();
  const Values left = without.gradient(delta);
  const Values right = with.gradient(delta);
  EXPECT_TRUE(test::same_bits(without.output(), with.output()));
  EXPECT_TRUE(test::same_bits(without.part(left, "a", "weights"), with.part(right, "a", "weights")));
}

}  // namespace
}  // namespace lockstep::nn
