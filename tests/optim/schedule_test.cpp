#include "lockstep/optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kTotal = 110;
constexpr int64_t kWarmup = 10;

Options scheduled(const std::string& schedule, int64_t warmup = kWarmup) {
  Options options;
  options.schedule = schedule;
  options.learning_rate = 0.5;
  options.warmup_steps = warmup;
  options.schedule_steps = 30;
  options.schedule_gamma = 0.1;
  options.schedule_power = 2;
  return options;
}

TEST(Schedule, WarmUpRisesLinearlyToTheFullRateWhateverFollows) {
  for (const char* name : {"constant", "step", "polynomial", "cosine"}) {
    for (int64_t step = 0; step < kWarmup; ++step) {
      EXPECT_DOUBLE_EQ(learning_rate(scheduled(name), 64, step, kTotal),
                       0.5 * static_cast<double>(step + 1) / 10)
          << name;
    }
    EXPECT_DOUBLE_EQ(learning_rate(scheduled(name), 64, kWarmup, kTotal), 0.5) << name;
    EXPECT_DOUBLE_EQ(learning_rate(scheduled(name, 0), 64, 0, kTotal), 0.5) << name << " without warm-up";
  }
}

TEST(Schedule, RisesWithTheMinibatchWhereThatIsAskedFor) {
  Options options = scheduled("step");
  options.reference_batch = 256;
  for (const int64_t step : {int64_t{0}, kWarmup - 1, kWarmup, kWarmup + 40, kTotal}) {
    EXPECT_DOUBLE_EQ(learning_rate(options, 1024, step, kTotal),
                     4 * learning_rate(scheduled("step"), 64, step, kTotal));
  }
}

TEST(Schedule, ConstantStaysAsItIs) {
  for (const int64_t step : {kWarmup, kTotal - 1, kTotal, 10 * kTotal}) {
    EXPECT_DOUBLE_EQ(learning_rate(scheduled("constant"), 64, step, kTotal), 0.5);
  }
}

TEST(Schedule, StepDropsAfterEverySoManyStepsSinceTheWarmUp) {
  const Options options = scheduled("step");
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, kWarmup + 29, kTotal), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, kWarmup + 30, kTotal), 0.05);
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, kWarmup + 59, kTotal), 0.05);
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, kWarmup + 60, kTotal), 0.5 * 0.1 * 0.1);
}

TEST(Schedule, PolynomialFallsToZeroByItsPower) {
  const Options options = scheduled("polynomial");
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, kWarmup + 50, kTotal), 0.5 * 0.25);
  EXPECT_NEAR(learning_rate(options, 64, kTotal - 1, kTotal), 0.5 * 0.01 * 0.01, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, kTotal, kTotal), 0);
  EXPECT_DOUBLE_EQ(learning_rate(options, 64, 2 * kTotal, kTotal), 0) << "it does not rise again";
}

TEST(Schedule, CosineFallsAlongHalfAWave) {
  const Options options = scheduled("cosine");
  EXPECT_NEAR(learning_rate(options, 64, kWarmup + 25, kTotal), 0.5 * (1 + std::sqrt(0.5)) / 2, 1e-15);
  EXPECT_NEAR(learning_rate(options, 64, kWarmup + 50, kTotal), 0.25, 1e-15);
  EXPECT_NEAR(learning_rate(options, 64, kTotal, kTotal), 0, 1e-15);
  EXPECT_NEAR(learning_rate(options, 64, 2 * kTotal, kTotal), 0, 1e-15) << "it does not rise again";
}

TEST(Schedule, AWarmUpAsLongAsTheRunIsFine) {
  for (const char* name : {"polynomial", "cosine"}) {
    EXPECT_DOUBLE_EQ(learning_rate(scheduled(name, 10), 64, 9, 10), 0.5);
    EXPECT_TRUE(std::isfinite(learning_rate(scheduled(name, 10), 64, 10, 10)));
  }
}

TEST(Schedule, StepNeedsItsNumberOfSteps) {
  Options options = scheduled("step");
  check_schedule(options);
  options.schedule_steps = 0;
  options.origins["schedule"] = "a.cfg:4";
  test::expect_usage_error([&] { check_schedule(options); },
                           {"a.cfg:4", "schedule = step needs schedule-steps"});
  options.schedule = "cosine";
  check_schedule(options);
}

}  // namespace
}  // namespace lockstep::optim
