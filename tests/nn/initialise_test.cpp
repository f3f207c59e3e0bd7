#include "lockstep/nn/initialise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kDraws = 100000;

Values initialised(const std::string& how, int64_t fan_in, int64_t fan_out, uint64_t seed = 1,
                   uint32_t layer = 0, uint32_t place = 0) {
  const ParameterSpec spec{"weights", {kDraws}, fan_in, fan_out};
  Values values(kDraws);
  initialise_parameter(spec, how, seed, layer, place, values.data(), kDraws);
  return values;
}

double deviation(const Values& values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

float largest(const Values& values) {
  return *std::max_element(values.begin(), values.end(),
                           [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

TEST(Initialise, HeIsNormalWithVarianceTwoOverFanIn) {
  EXPECT_NEAR(deviation(initialised("he", 50, 7)), std::sqrt(2.0 / 50), 0.002);
}

TEST(Initialise, GlorotIsUniformWithinItsBound) {
  const double bound = std::sqrt(6.0 / (50 + 100));
  const Values values = initialised("glorot", 50, 100);
  EXPECT_NEAR(deviation(values), bound / std::sqrt(3.0), 0.002);
  EXPECT_LE(std::fabs(static_cast<double>(largest(values))), bound + 1e-7);
}

TEST(Initialise, UniformIsWithinOneOverTheRootOfFanIn) {
  const Values values = initialised("uniform", 64, 3);
  EXPECT_NEAR(deviation(values), 0.125 / std::sqrt(3.0), 0.001);
  EXPECT_LE(std::fabs(largest(values)), 0.125f);
}

TEST(Initialise, WithoutFanInEverythingIsTheConstant) {
  const ParameterSpec spec{"weights", {3}, 0, 0, 0.5f};
  Values values(3);
  initialise_parameter(spec, "he", 1, 0, 0, values.data(), 3);
  EXPECT_EQ(values, Values(3, 0.5f));
}

TEST(Initialise, SeedLayerAndPlaceGiveOtherValues) {
  const std::set<float> firsts = {initialised("he", 5, 5)[0], initialised("he", 5, 5, 2)[0],
                                  initialised("he", 5, 5, 1, 1)[0], initialised("he", 5, 5, 1, 0, 1)[0]};
  EXPECT_EQ(firsts.size(), 4u);
}

TEST(NetworkInitialise, IsAFunctionOfTheSeedAndLeavesPaddingZero) {
  const Network network({2, 6, 6}, lines_of({"conv 3 kernel=3", "subsample 2", "linear 4 init=uniform"}),
                        {"glorot"});
  Values once(static_cast<size_t>(network.layout().floats()), 9.0f);
  Values again(once.size(), -9.0f);
  Values other(once.size());
  network.initialise(1, once.data());
  network.initialise(1, again.data());
  network.initialise(2, other.data());
  EXPECT_TRUE(test::same_bits(once, again));
  EXPECT_FALSE(test::same_bits(once, other));
  int64_t zeros = 0;
  for (const float value : once) zeros += value == 0 ? 1 : 0;
  EXPECT_EQ(zeros, network.layout().floats() - network.layout().count() + 4 + 3 + 3) << "padding and biases";
}

// init= of a line wins over the network's.
TEST(NetworkInitialise, ALineMayChooseItsOwn) {
  const auto bound = [](const std::string& line) {
    const Network network({100, 1, 1}, lines_of({line}), {"he"});
    Values values(static_cast<size_t>(network.layout().floats()));
    network.initialise(1, values.data());
    return std::fabs(largest(values));
  };
  EXPECT_GT(bound("linear 50"), 0.3f);  // normal, with deviation 0.14
  EXPECT_LE(bound("linear 50 init=uniform"), 0.1f);
}

}  // namespace
}  // namespace lockstep::nn
