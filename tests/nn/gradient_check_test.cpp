// The program's own check of its gradients, which `trainer selftest` runs.
#include "lockstep/nn/gradient_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lockstep/nn/layer_table.h"

namespace lockstep::nn {
namespace {

TEST(GradientCheck, HasACaseForEveryLayerOfTheTable) {
  for (const LayerType& type : layer_table()) {
    const auto& cases = gradient_cases();
    EXPECT_TRUE(std::any_of(cases.begin(), cases.end(), [&](const auto& c) {
      return c.layer == type.name &&
             std::any_of(c.lines.begin(), c.lines.end(), [&](const std::string& line) {
               return line.substr(0, line.find(' ')) == type.name;
             });
    })) << type.name;
  }
}

TEST(GradientCheck, FindsEveryGradientRight) {
  for (const GradientCase& c : gradient_cases()) EXPECT_LT(gradient_error(c), kGradientTolerance) << c.layer;
}

// A step over which the function bends gives a difference that no right gradient has.
TEST(GradientCheck, WouldTellAWrongGradient) {
  GradientCase wrong = {"tanh", {7}, {"linear 9", "tanh"}, 2.0};
  EXPECT_GT(gradient_error(wrong), 10 * kGradientTolerance);
}

}  // namespace
}  // namespace lockstep::nn
