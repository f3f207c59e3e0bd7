// Clipping by the global norm: g times bound / |g| where |g| is above the bound.
#include <gtest/gtest.h>

#include <cmath>

#include "gradient_of.h"
#include "small_run.h"
#include "support/expect.h"
#include "support/signals.h"

namespace lockstep::train {
namespace {

// One step of plain gradient descent, so that the parameters show the gradient that was used.
Options one_step(double clip_norm) {
  Options options = small_options();
  options.momentum = 0;
  options.weight_decay = 0;
  options.learning_rate = 0.5;
  options.steps = 1;
  options.clip_norm = clip_norm;
  return options;
}

struct Step {
  std::vector<float> before;
  std::vector<float> after;
  double norm = 0;      // of what was subtracted, over the learning rate
  double gradient = 0;  // of the gradient itself
  std::vector<float> gradients;

  explicit Step(double clip_norm) {
    SmallRun run(one_step(clip_norm));
    before = run.parameters();
    const auto indices = run.trainer.order().indices(0, 0, 20);
    gradients = GradientOf(run.trainer.model(), run.dataset, indices, before.data(), 6, 2).gradient;
    run.trainer.run(test::stop_signals(), nullptr);
    after = run.parameters();
    for (size_t i = 0; i < before.size(); ++i) {
      const double moved = (static_cast<double>(before[i]) - static_cast<double>(after[i])) / 0.5;
      norm += moved * moved;
      gradient += static_cast<double>(gradients[i]) * static_cast<double>(gradients[i]);
    }
    norm = std::sqrt(norm);
    gradient = std::sqrt(gradient);
  }
};

TEST(Clipping, ReducesTheGlobalNormToTheBound) {
  const double gradient = Step(0).gradient;
  for (const double share : {0.9, 0.5, 0.01}) {
    const Step step(share * gradient);
    EXPECT_NEAR(step.norm, share * gradient, 1e-5 * gradient);
    for (size_t i = 0; i < step.before.size(); ++i) {
      const double expected =
          static_cast<double>(step.before[i]) - 0.5 * share * static_cast<double>(step.gradients[i]);
      ASSERT_NEAR(static_cast<double>(step.after[i]), expected, 2e-7)
          << "the direction should stay, parameter " << i;
    }
  }
}

TEST(Clipping, LeavesAGradientBelowTheBoundAsItIs) {
  const Step without(0);
  EXPECT_NEAR(without.norm, without.gradient, 1e-5 * without.gradient);
  EXPECT_TRUE(test::same_bits(Step(1.01 * without.gradient).after, without.after));
}

TEST(Clipping, GivesTheSameBitsOnAnyThreadsAndBuckets) {
  const auto trained = [](int threads, int64_t bucket_kilobytes) {
    Options options = small_options();
    options.clip_norm = 0.3;
    options.bucket_kilobytes = bucket_kilobytes;
    SmallRun run(options, threads);
    run.trainer.run(test::stop_signals(), nullptr);
    return run.parameters();
  };
  const auto one = trained(1, 1024);
  EXPECT_TRUE(test::same_bits(trained(3, 1024), one));
  EXPECT_TRUE(test::same_bits(trained(2, 1), one));
}

}  // namespace
}  // namespace lockstep::train
