// Activations in double precision: value, slope and antiderivative belong together, and to the layers.
#include "lockstep/nn/scalar_function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "layer_under_test.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

struct Case {
  std::string type;
  double parameter = 0;
  std::string line = type;  // of a configuration
};

std::ostream& operator<<(std::ostream& stream, const Case& c) { return stream << c.line; }

class Scalar : public ::testing::TestWithParam<Case> {
 protected:
  ScalarFunction h_ = scalar_function(GetParam().type, GetParam().parameter);

  // Where h, or its slope, jumps.
  bool near_a_jump(double s) const {
    return std::fabs(std::fabs(s) - h_.parameter) < 1e-3 || std::fabs(s) < 1e-3;
  }
};

INSTANTIATE_TEST_SUITE_P(Functions, Scalar,
                         ::testing::Values(Case{"relu"}, Case{"leaky-relu", 0.25, "leaky-relu 0.25"},
                                           Case{"sigmoid"}, Case{"tanh"}, Case{"softplus"},
                                           Case{"soft-threshold", 0.75, "soft-threshold 0.75"},
                                           Case{"threshold", 0.75, "threshold 0.75"}));

TEST_P(Scalar, TheSlopeIsTheDerivativeOfTheValueAndTheValueOfTheAntiderivative) {
  constexpr double kStep = 1e-5;
  for (double s = -9.0; s < 9; s += 0.0371) {
    if (near_a_jump(s)) continue;
    const double slope = (h_.value(s + kStep) - h_.value(s - kStep)) / (2 * kStep);
    EXPECT_NEAR(h_.slope(s), slope, 1e-8) << s;
    const double value = (h_.antiderivative(s + kStep) - h_.antiderivative(s - kStep)) / (2 * kStep);
    EXPECT_NEAR(h_.value(s), value, 1e-8 * (1 + std::fabs(s))) << s;
  }
}

TEST_P(Scalar, TheAntiderivativeHasNoJump) {
  for (const double s : {0.0, h_.parameter, -h_.parameter}) {
    EXPECT_NEAR(h_.antiderivative(s - 1e-9), h_.antiderivative(s + 1e-9), 1e-7) << s;
  }
}

TEST_P(Scalar, TheLayerComputesTheSameAndNamesIt) {
  LayerUnderTest layer(GetParam().line, {{50, 1, 1}}, 16);
  for (float& x : layer.inputs()[0]) x *= 6;
  const Values& out = layer.fprop();
  for (size_t i = 0; i < out.size(); ++i) {
    const double s = static_cast<double>(layer.inputs()[0][i]);
    EXPECT_NEAR(static_cast<double>(out[i]), h_.value(s), 1e-5) << s;
  }
  const auto function = layer.layer().scalar_function();
  ASSERT_TRUE(function);
  EXPECT_EQ(function->name, GetParam().type);
  EXPECT_NEAR(function->parameter, GetParam().parameter, 1e-7);
}

TEST_P(Scalar, NanComesThroughTheLayer) {
  LayerUnderTest layer(GetParam().line, {{1, 1, 1}}, 1);
  layer.inputs()[0][0] = std::nanf("");
  EXPECT_TRUE(std::isnan(layer.fprop()[0]));
}

// The dilogarithm at the points where it is known in closed form (Lewin 1981).
TEST(ScalarFunction, SoftplusHasMinusTheDilogarithmAsItsAntiderivative) {
  const ScalarFunction h = scalar_function("softplus");
  const double pi2 = std::numbers::pi * std::numbers::pi;
  EXPECT_NEAR(h.antiderivative(0), pi2 / 12, 1e-15);
  EXPECT_NEAR(h.antiderivative(-60), std::exp(-60.0), 1e-40);
  EXPECT_NEAR(h.antiderivative(60), pi2 / 6 + 1800, 1e-11);
  // Li2(-1/golden) = -pi^2/15 + 1/2 ln^2(golden)
  const double log = std::log(std::numbers::phi);
  EXPECT_NEAR(h.antiderivative(-log), pi2 / 15 - 0.5 * log * log, 1e-14);
}

// A widely copied slide has (sign(s) + 1) s^2 / 2, twice what it should be.
TEST(ScalarFunction, ReluHasHalfASquare) {
  const ScalarFunction h = scalar_function("relu");
  EXPECT_EQ(h.antiderivative(3), 4.5);
  EXPECT_EQ(h.antiderivative(-3), 0);
}

TEST(ScalarFunction, OthersAreNone) {
  EXPECT_THROW(scalar_function("linear"), Error);
  LayerUnderTest layer("linear 3", {{4, 1, 1}}, 1);
  EXPECT_FALSE(layer.layer().scalar_function());
}

}  // namespace
}  // namespace lockstep::nn
