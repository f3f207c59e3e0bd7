// What a denoising autoencoder sees in place of its input.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "random_layer.h"
#include "small_network.h"

namespace lockstep::nn {
namespace {

const std::vector<std::string> kKinds = {"corrupt masking 0.3", "corrupt salt-and-pepper 0.3",
                                         "corrupt gaussian 0.3"};

// How often each value comes out where all that goes in is 7.
std::map<float, double> shares(const std::string& line) {
  LayerUnderTest layer(line, {{kFeatures, 1, 1}}, 160);
  std::fill(layer.inputs()[0].begin(), layer.inputs()[0].end(), 7.0f);
  std::map<float, double> result;
  for (const float y : layer.fprop()) result[y] += 1.0 / (kFeatures * 160);
  return result;
}

double three_sigma(double rate) { return 3 * std::sqrt(rate * (1 - rate) / (kFeatures * 160)); }

TEST(Masking, SetsItsShareToZeroAndLeavesTheRest) {
  for (const double rate : {0.05, 0.25, 0.5, 0.9}) {
    auto found = shares(text("corrupt masking ", rate));
    EXPECT_EQ(found.size(), 2u);
    EXPECT_NEAR(found[0.0f], rate, three_sigma(rate));
    EXPECT_NEAR(found[7.0f], 1 - rate, three_sigma(rate));
  }
}

TEST(SaltAndPepper, SetsHalfOfItsShareToEitherEnd) {
  for (const double rate : {0.05, 0.25, 0.5, 0.9}) {
    auto found = shares(text("corrupt salt-and-pepper ", rate, " low=-2 high=3"));
    EXPECT_EQ(found.size(), 3u);
    EXPECT_NEAR(found[-2.0f], rate / 2, three_sigma(rate / 2));
    EXPECT_NEAR(found[3.0f], rate / 2, three_sigma(rate / 2));
    EXPECT_NEAR(found[7.0f], 1 - rate, three_sigma(rate));
  }
}

TEST(SaltAndPepper, IsZeroAndOneUnlessToldOtherwise) {
  const auto found = shares("corrupt kind=salt-and-pepper rate=0.4");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found.begin()->first, 0.0f);
  EXPECT_EQ(std::next(found.begin())->first, 1.0f);
}

// Moments to the fourth: of a normal distribution 0, sigma^2, 0, 3 sigma^4.
TEST(GaussianNoise, IsNormalWithItsDeviation) {
  for (const double sigma : {0.1, 2.0}) {
    LayerUnderTest layer(text("corrupt gaussian ", sigma), {{kFeatures, 1, 1}}, 160);
    const Values& output = layer.fprop();
    const Values& input = layer.inputs()[0];
    double moments[5] = {};
    const double count = static_cast<double>(output.size());
    for (size_t i = 0; i < output.size(); ++i) {
      const double z = (static_cast<double>(output[i]) - static_cast<double>(input[i])) / sigma;
      for (int k = 1; k <= 4; ++k) moments[k] += std::pow(z, k) / count;
    }
    EXPECT_NEAR(moments[1], 0, 3 / std::sqrt(count));
    EXPECT_NEAR(moments[2], 1, 3 * std::sqrt(2 / count));
    EXPECT_NEAR(moments[3], 0, 3 * std::sqrt(15 / count));
    EXPECT_NEAR(moments[4], 3, 3 * std::sqrt(96 / count));
  }
}

// The two numbers of a pair, and those of neighbouring pairs, have nothing to do with each other.
TEST(GaussianNoise, OfNeighboursIsUncorrelated) {
  LayerUnderTest layer("corrupt gaussian 1", {{kFeatures, 1, 1}}, 160);
  std::fill(layer.inputs()[0].begin(), layer.inputs()[0].end(), 0.0f);
  const Values& noise = layer.fprop();
  for (const size_t distance : {1u, 16u, 160u, 320u, 480u}) {  // 160: the next feature
    double sum = 0;
    for (size_t i = distance; i < noise.size(); ++i)
      sum += static_cast<double>(noise[i]) * static_cast<double>(noise[i - distance]);
    const double count = static_cast<double>(noise.size() - distance);
    EXPECT_NEAR(sum / count, 0, 3 / std::sqrt(count)) << distance;
  }
}

TEST(Corruption, OfRateZeroChangesNoBit) {
  for (const char* line : {"corrupt masking 0", "corrupt salt-and-pepper 0", "corrupt gaussian 0"}) {
    LayerUnderTest layer(line, {{kFeatures, 1, 1}}, 10);
    EXPECT_TRUE(test::same_bits(layer.fprop(), layer.inputs()[0])) << line;
  }
}

// So it is the plain network, whose parameters start the same: a layer that acts in training only does not
// count.
TEST(Corruption, OfRateZeroLeavesTheWholeNetworkAsItWas) {
  const std::vector<std::string> plain = {"linear 9 name=a", "sigmoid", "linear 12 name=b"};
  SmallNetwork expected({12, 1, 1}, plain, 20);
  for (const char* line : {"corrupt masking 0", "corrupt salt-and-pepper 0", "corrupt gaussian 0"}) {
    SmallNetwork found({12, 1, 1}, {line, plain[0], plain[1], plain[2]}, 20);
    EXPECT_TRUE(test::same_bits(found.parameters, expected.parameters));
    const Values delta = expected.output_delta();
    EXPECT_TRUE(test::same_bits(found.output(), expected.output()));
    EXPECT_TRUE(test::same_bits(found.gradient(delta), expected.gradient(delta)));
  }
}

TEST(Corruption, ChangesNothingInEvaluation) {
  for (const std::string& line : kKinds) {
    LayerUnderTest layer(line, {{kFeatures, 1, 1}}, 10);
    layer.pass().training = false;
    EXPECT_TRUE(test::same_bits(layer.fprop(), layer.inputs()[0]));
  }
}

TEST(Corruption, OfASampleDoesNotDependOnTheMicrobatchItIsIn) {
  for (const std::string& line : kKinds) expect_same_in_any_microbatch(line);
}

TEST(Corruption, DependsOnSeedStepSampleAndLayer) {
  // Of independent values these shares are equal.
  const std::map<std::string, double> chance = {
      {kKinds[0], 0.3 * 0.3 + 0.7 * 0.7}, {kKinds[1], 0.15 * 0.15 + 0.85 * 0.85}, {kKinds[2], 0}};
  for (const std::string& line : kKinds) {
    const Values one = made_of_ones(line, training_pass(), 3);
    const double expected = chance.at(line);
    for (const Values& other : with_other_numbers(line)) {
      EXPECT_NEAR(equal_share(one, other), expected, 3 * std::sqrt(0.25 / kFeatures)) << line;
    }
  }
}

// What falls by masking and by dropout at the same place of the same run is not the same.
TEST(Corruption, HasRandomNumbersOfItsOwn) {
  const Values masked = made_of_ones("corrupt masking 0.5", training_pass(), 3);
  Values dropped = made_of_ones("dropout 0.5", training_pass(), 3);
  for (float& value : dropped) value /= 2;
  EXPECT_NEAR(equal_share(masked, dropped), 0.5, 3 * std::sqrt(0.25 / kFeatures));
}

}  // namespace
}  // namespace lockstep::nn
