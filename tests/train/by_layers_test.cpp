// Steps whose length each layer's own norms decide, on the whole trainer.
#include <gtest/gtest.h>

#include <cmath>

#include "gradient_of.h"
#include "small_run.h"
#include "support/expect.h"
#include "support/signals.h"

namespace lockstep::train {
namespace {

Options by_layers(const std::string& optimizer, int64_t steps) {
  Options options = small_options();
  options.optimizer = optimizer;
  options.nesterov = false;
  options.momentum = optimizer == "lars" ? 0.9 : 0.0;
  options.weight_decay = 0.01;
  options.learning_rate = 0.1;
  options.trust = 0.02;
  options.steps = steps;
  return options;
}

double norm(const std::vector<float>& values, const ParameterInfo& p) {
  double squares = 0;
  for (int64_t i = p.offset; i < p.offset + p.size; ++i)
    squares += static_cast<double>(values[static_cast<size_t>(i)]) *
               static_cast<double>(values[static_cast<size_t>(i)]);
  return std::sqrt(squares);
}

TEST(ByLayers, LarsTakesNormsOfWholeParameters) {
  SmallRun run(by_layers("lars", 1));
  const std::vector<float> before = run.parameters();
  const auto indices = run.trainer.order().indices(0, 0, 20);
  const auto gradient = GradientOf(run.trainer.model(), run.dataset, indices, before.data(), 6, 2).gradient;
  run.trainer.run(test::stop_signals(), nullptr);
  const std::vector<float> after = run.parameters();
  for (const ParameterInfo& p : run.trainer.model().network.layout().parameters()) {
    if (p.keep) continue;
    const double w = norm(before, p);
    const double trust = w > 0 ? 0.02 * w / (norm(gradient, p) + 0.01 * w) : 0.02;
    for (int64_t at = p.offset; at < p.offset + p.size; ++at) {
      const size_t i = static_cast<size_t>(at);
      const double expected = before[i] - 0.1 * trust * (gradient[i] + 0.01 * before[i]);
      ASSERT_NEAR(after[i], expected, 1e-6) << p.layer << "/" << p.name;
    }
  }
}

TEST(ByLayers, LambMovesEachParameterByTheRateTimesItsNorm) {
  SmallRun run(by_layers("lamb", 1));
  const std::vector<float> before = run.parameters();
  run.trainer.run(test::stop_signals(), nullptr);
  std::vector<float> moved = run.parameters();
  for (size_t i = 0; i < moved.size(); ++i) moved[i] -= before[i];
  for (const ParameterInfo& p : run.trainer.model().network.layout().parameters()) {
    if (p.keep || norm(before, p) == 0) continue;
    EXPECT_NEAR(norm(moved, p), 0.1 * norm(before, p), 1e-4 * norm(before, p)) << p.layer << "/" << p.name;
  }
}

TEST(ByLayers, HasTheSameBitsOnAnyThreadsAndBuckets) {
  for (const char* optimizer : {"lars", "lamb"}) {
    const auto trained = [&](int threads, int64_t bucket_kilobytes) {
      Options options = by_layers(optimizer, 7);
      options.bucket_kilobytes = bucket_kilobytes;
      SmallRun run(options, threads);
      run.trainer.run(test::stop_signals(), nullptr);
      return run.parameters();
    };
    const auto one = trained(1, 1024);
    EXPECT_TRUE(test::same_bits(trained(3, 1024), one)) << optimizer;
    EXPECT_TRUE(test::same_bits(trained(2, 1), one)) << optimizer;
  }
}

}  // namespace
}  // namespace lockstep::train
