// Integrals of smooth functions, of kinks and of jumps.
#include "analysis/line_integral.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lockstep::analysis {
namespace {

Integrand each(double (*f)(double)) {
  return [f](const std::vector<double>& t) {
    std::vector<double> values;
    for (const double place : t) values.push_back(f(place));
    return values;
  };
}

TEST(LineIntegral, IsExactForPolynomialsUpToTheRulesDegree) {
  int calls = 0;
  const Integrand power = [&](const std::vector<double>& t) {
    ++calls;
    std::vector<double> values;
    for (const double place : t) values.push_back(std::pow(place, 9));
    return values;
  };
  EXPECT_NEAR(integrate(power, 1e-12, 40), 1.0 / 10, 1e-15);
  EXPECT_EQ(calls, 3) << "the whole and its halves";
}

TEST(LineIntegral, FindsKinksAndJumps) {
  EXPECT_NEAR(integrate(each([](double t) { return std::exp(t); }), 1e-10, 40), std::exp(1.0) - 1, 1e-13);
  EXPECT_NEAR(integrate(each([](double t) { return std::fabs(t - 0.3); }), 1e-10, 40), 0.29, 1e-9);
  EXPECT_NEAR(integrate(each([](double t) { return t > 0.7 ? 5.0 : -1.0; }), 1e-10, 40), 0.8, 1e-8);
  EXPECT_NEAR(integrate(each([](double t) { return t > 0.999 ? 5.0 : 1.0; }), 1e-10, 40), 1.004, 1e-8);
  EXPECT_NEAR(integrate(each([](double t) { return t < 0.0001 ? 5.0 : 1.0; }), 1e-10, 40), 1.0004, 1e-8);
}

TEST(LineIntegral, HalvesNoFurtherThanItIsAllowedTo) {
  int calls = 0;
  const Integrand jump = [&](const std::vector<double>& t) {
    ++calls;
    std::vector<double> values;
    for (const double place : t) values.push_back(place > 0.3 ? 1.0 : 0.0);
    return values;
  };
  EXPECT_NEAR(integrate(jump, 1e-15, 3), 0.7, 0.1);
  EXPECT_LE(calls, 15) << "the whole, and all halves at three depths";
  EXPECT_GE(calls, 7) << "the whole, and those that have the jump, with the other half";
}

TEST(LineIntegral, PassesOnWhatIsNoNumber) {
  EXPECT_TRUE(std::isnan(integrate(each([](double) { return std::nan(""); }), 1e-10, 40)));
}

}  // namespace
}  // namespace lockstep::analysis
