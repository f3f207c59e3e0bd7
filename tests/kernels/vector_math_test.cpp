#include "lockstep/kernels/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compare.h"

namespace lockstep::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The largest relative error of `found` against `exact` over [low, high]: evenly spaced points, and as many
// with evenly spaced logarithms around zero.
template <class Found, class Exact>
double worst_error(float low, float high, const Found& found, const Exact& exact) {
  constexpr int kPoints = 200000;
  double worst = 0;
  const auto visit = [&](float x) {
    if (!(x >= low && x <= high)) return;
    const double expected = exact(static_cast<double>(x));
    if (expected == 0) return;
    worst = std::max(worst, std::fabs((static_cast<double>(found(x)) - expected) / expected));
  };
  for (int i = 0; i <= kPoints; ++i) visit(low + (high - low) * static_cast<float>(i) / kPoints);
  for (int i = 0; i <= kPoints / 2; ++i) {
    const float size = std::pow(10.0f, -6.0f + 8.0f * static_cast<float>(i) / (kPoints / 2));
    visit(size);
    visit(-size);
  }
  return worst;
}

TEST(VectorMath, ExpIsWithinTheStatedError) {
  EXPECT_LT(worst_error(
                -87.3f, 88.0f, [](float x) { return vexp(x); }, [](double x) { return std::exp(x); }),
            2e-7);
}

TEST(VectorMath, ExpIsExactAtZero) { EXPECT_EQ(vexp(0.0f), 1.0f); }

TEST(VectorMath, LogarithmIsWithinTheStatedError) {
  EXPECT_LT(worst_error(
                0.0f, 1.0f, [](float y) { return vlog1p_unit(y); }, [](double y) { return std::log1p(y); }),
            3e-7);
  EXPECT_EQ(vlog1p_unit(0.0f), 0.0f);
}

TEST(VectorMath, LogarithmOfAnyNumberIsWithinTheStatedError) {
  const auto found = [](float x) { return vlog(x); };
  const auto exact = [](double x) { return std::log(x); };
  EXPECT_LT(worst_error(0x1p-126f, 0.9f, found, exact), 4e-7);
  EXPECT_LT(worst_error(0.9f, 1.1f, found, exact), 4e-7);
  EXPECT_LT(worst_error(1.1f, 3e38f, found, exact), 4e-7);
  EXPECT_EQ(vlog(1.0f), 0.0f);
}

// Of words whose lower eight bits do not count.
TEST(VectorMath, NormalsAreThoseOfBoxAndMuller) {
  constexpr double kTurn = 2 * 3.14159265358979323846;
  for (uint32_t a = 1; a < 0xf0000000; a += 0x01234567) {
    for (uint32_t b = 0; b < 0xf0000000; b += 0x05432101) {
      const double radius = std::sqrt(-2 * std::log(((a >> 8) + 0.5) * 0x1p-24));
      const double angle = (b >> 8) * 0x1p-24 * kTurn;
      const NormalPair found = vnormals(a, b);
      ASSERT_NEAR(found.first, radius * std::cos(angle), 2e-6) << a << " " << b;
      ASSERT_NEAR(found.second, radius * std::sin(angle), 2e-6) << a << " " << b;
    }
  }
}

TEST(VectorMath, NormalsEndAtTheLargest) {
  EXPECT_NEAR(vnormals(0, 0).first, 5.887f, 1e-3f);
  EXPECT_EQ(vnormals(0, 0).second, 0.0f);
  EXPECT_LT(vnormals(0xffffffff, 0).first, 1e-3f);
}

TEST(VectorMath, SigmoidIsWithinTheErrorsOfItsParts) {
  EXPECT_LT(worst_error(
                -87.0f, 88.0f, [](float x) { return vsigmoid(x); },
                [](double x) { return 1 / (1 + std::exp(-x)); }),
            4e-7);
}

TEST(VectorMath, SoftplusIsWithinTheErrorsOfItsParts) {
  EXPECT_LT(worst_error(
                -87.0f, 88.0f, [](float x) { return vsoftplus(x); },
                [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }),
            5e-7);
}

TEST(VectorMath, TanhIsWithinTheStatedError) {
  EXPECT_LT(worst_error(
                -20.0f, 20.0f, [](float x) { return vtanh(x); }, [](double x) { return std::tanh(x); }),
            4e-7);
}

TEST(VectorMath, NansComeThrough) {
  for (const float nan : {kNan, -kNan}) {
    EXPECT_TRUE(std::isnan(vexp(nan)));
    EXPECT_TRUE(std::isnan(vsigmoid(nan)));
    EXPECT_TRUE(std::isnan(vtanh(nan)));
    EXPECT_TRUE(std::isnan(vsoftplus(nan)));
  }
}

TEST(VectorMath, ExpEndsAtZeroAndAtItsLargestFinitePower) {
  for (const float x : {-87.4f, -1000.0f, -kInfinity}) EXPECT_EQ(vexp(x), 0.0f) << x;
  const float largest = vexp(1000.0f);
  EXPECT_TRUE(std::isfinite(largest)) << largest;
  EXPECT_GT(largest, 1.6e38f);
  EXPECT_EQ(vexp(kInfinity), largest);
}

TEST(VectorMath, LimitsAreThoseOfTheFunctions) {
  for (const float x : {100.0f, 1e30f, kInfinity}) {
    EXPECT_EQ(vsigmoid(x), 1.0f) << x;
    EXPECT_EQ(vtanh(x), 1.0f) << x;
    EXPECT_EQ(vtanh(-x), -1.0f) << x;
    EXPECT_EQ(vsoftplus(x), x) << x;
    EXPECT_EQ(vsoftplus(-x), 0.0f) << x;
    EXPECT_GE(vsigmoid(-x), 0.0f) << x;
    EXPECT_LT(vsigmoid(-x), 1e-37f) << x;
  }
  EXPECT_EQ(vsigmoid(0.0f), 0.5f);
  EXPECT_EQ(vtanh(0.0f), 0.0f);
}

// Monotone but for the last bits, over the whole range of arguments.
TEST(VectorMath, NothingFallsWhereTheFunctionRises) {
  float before[4] = {0, 0, -1, 0};
  for (float x = -120; x < 120; x += 0.01f) {
    const float now[4] = {vexp(x), vsigmoid(x), vtanh(x), vsoftplus(x)};
    for (int f = 0; f < 4; ++f) {
      ASSERT_GE(now[f], before[f] - std::fabs(before[f]) * 5e-7f) << "function " << f << " at " << x;
      before[f] = now[f];
    }
  }
}

}  // namespace
}  // namespace lockstep::kernels
