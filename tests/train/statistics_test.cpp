// Running statistics: observed, not learned, whatever learns the rest.
#include <gtest/gtest.h>

#include <cmath>

#include "gradient_of.h"
#include "small_run.h"
#include "support/expect.h"
#include "support/signals.h"

namespace lockstep::train {
namespace {

// The first layer sees the data, which the weights do not change.
Options normalised(int64_t steps) {
  Options options = small_options();
  options.layers[0].line = "batchnorm momentum=0.75 name=first";
  options.layers[3].line = "batchnorm";
  options.weight_decay = 0.1;
  options.steps = steps;
  return options;
}

std::vector<float> part(const SmallRun& run, const std::vector<float>& arena, const std::string& layer,
                        const std::string& name) {
  for (const ParameterInfo& p : run.trainer.model().network.layout().parameters()) {
    if (p.layer == layer && p.name == name)
      return {&arena[static_cast<size_t>(p.offset)], &arena[static_cast<size_t>(p.offset + p.size)]};
  }
  fail("there is no ", layer, "/", name);
}

// The running mean and variance of the first layer after training.
std::vector<float> statistics(const Options& options) {
  SmallRun run(options);
  run.trainer.run(test::stop_signals(), nullptr);
  std::vector<float> all = part(run, run.parameters(), "first", "running-mean");
  const std::vector<float> variances = part(run, run.parameters(), "first", "running-variance");
  all.insert(all.end(), variances.begin(), variances.end());
  return all;
}

// The mean and the unbiased variance of a channel over some samples of 2x6x6.
std::array<double, 2> moments(const data::Dataset& dataset, const std::vector<int64_t>& indices,
                              int64_t channel) {
  const auto& values = dynamic_cast<const FloatSplit&>(*dataset.train).values;
  double mean = 0;
  double squares = 0;
  const double count = static_cast<double>(indices.size()) * 36;
  const auto for_each = [&](const auto& visit) {
    for (const int64_t index : indices) {
      for (int64_t i = 0; i < 36; ++i)
        visit(static_cast<double>(values[static_cast<size_t>(index * 72 + channel * 36 + i)]));
    }
  };
  for_each([&](double x) { mean += x / count; });
  for_each([&](double x) { squares += (x - mean) * (x - mean); });
  return {mean, squares / (count - 1)};
}

TEST(Statistics, MoveTowardsTheMinibatchsMeanOverMicrobatches) {
  const SmallRun run(normalised(1));
  std::vector<double> expected = {0, 0, 1, 1};  // two means, two variances
  for (int64_t step = 0; step < 3; ++step) {    // the third has 10 samples, in microbatches of 6 and 4
    const int64_t batch = run.trainer.order().batch_of(step);
    for (double& value : expected) value *= 0.75;
    for (int64_t begin = 0; begin < batch; begin += 6) {
      const int64_t end = std::min(begin + 6, batch);
      const double share = static_cast<double>(end - begin) / static_cast<double>(batch);
      for (int64_t c = 0; c < 2; ++c) {
        const auto [mean, variance] = moments(run.dataset, run.trainer.order().indices(step, begin, end), c);
        expected[static_cast<size_t>(c)] += 0.25 * share * mean;
        expected[static_cast<size_t>(2 + c)] += 0.25 * share * variance;
      }
    }
    const std::vector<float> found = statistics(normalised(step + 1));
    for (size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-6) << "step " << step;
  }
}

TEST(Statistics, OfTheMinibatchAreItsMeanAndVarianceWhateverItsCut) {
  const auto options_for = [](int64_t steps, int64_t microbatch) {
    Options options = normalised(steps);
    options.layers[0].line += " statistics=minibatch";
    options.microbatch = microbatch;
    return options;
  };
  const SmallRun run(options_for(1, 6));
  std::vector<double> expected = {0, 0, 1, 1};
  for (int64_t step = 0; step < 3; ++step) {
    const std::vector<int64_t> indices =
        run.trainer.order().indices(step, 0, run.trainer.order().batch_of(step));
    for (int64_t c = 0; c < 2; ++c) {
      const auto [mean, variance] = moments(run.dataset, indices, c);
      double& running_mean = expected[static_cast<size_t>(c)];
      double& running_variance = expected[static_cast<size_t>(2 + c)];
      running_mean = 0.75 * running_mean + 0.25 * mean;
      running_variance = 0.75 * running_variance + 0.25 * variance;
    }
    for (const int64_t microbatch : {6, 20}) {
      const std::vector<float> found = statistics(options_for(step + 1, microbatch));
      for (size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-6) << "step " << step;
    }
  }
}

TEST(Statistics, AreTheSameWhateverOptimizerRateDecayAndClipping) {
  const std::vector<float> usual = statistics(normalised(7));
  const auto expect_same = [&](const std::function<void(Options&)>& change, const std::string& what) {
    Options options = normalised(7);
    change(options);
    EXPECT_TRUE(test::same_bits(statistics(options), usual)) << what;
  };
  expect_same([](Options& o) { o.learning_rate = 1e-6; }, "rate");
  expect_same([](Options& o) { o.weight_decay = 0; }, "decay");
  expect_same([](Options& o) { o.optimizer = "adam"; }, "adam");
  expect_same([](Options& o) { o.optimizer = "adamw"; }, "adamw");
  expect_same([](Options& o) { o.nesterov = true; }, "nesterov");
  expect_same([](Options& o) { o.clip_norm = 1e-3; }, "clipped");
  expect_same([](Options& o) { o.bucket_kilobytes = 1; }, "buckets");
}

// One step of plain gradient descent shows the gradient: that of what is learned has the norm asked for.
TEST(Statistics, AreNoPartOfTheNormThatClippingBounds) {
  Options options = normalised(1);
  options.momentum = 0;
  options.weight_decay = 0;
  options.learning_rate = 1;
  options.clip_norm = 0.1;
  SmallRun run(options);
  const std::vector<float> before = run.parameters();
  const auto indices = run.trainer.order().indices(0, 0, 20);
  const auto gradient = GradientOf(run.trainer.model(), run.dataset, indices, before.data(), 6, 2).gradient;
  run.trainer.run(test::stop_signals(), nullptr);
  const std::vector<float> after = run.parameters();
  double learned = 0;
  double observed = 0;
  double moved = 0;
  for (const ParameterInfo& p : run.trainer.model().network.layout().parameters()) {
    for (size_t i = static_cast<size_t>(p.offset); i < static_cast<size_t>(p.offset + p.size); ++i) {
      const double g = static_cast<double>(gradient[i]);
      (p.keep ? observed : learned) += g * g;
      if (!p.keep) moved += std::pow(static_cast<double>(before[i]) - static_cast<double>(after[i]), 2);
    }
  }
  ASSERT_GT(learned, 4 * 0.01) << "the bound is to be met";
  ASSERT_GT(observed, 0.1 * learned) << "and statistics would have changed the norm";
  EXPECT_NEAR(std::sqrt(moved), 0.1, 1e-4);
}

// In evaluation a sample's output is its own: however the split is cut, loss and error are the same.
TEST(Statistics, OfTrainingAreWhatEvaluationUses) {
  const auto evaluated = [](int64_t microbatch, int64_t steps) {
    Options options = normalised(4);
    SmallRun trained(options);
    trained.trainer.run(test::stop_signals(), nullptr);
    options.microbatch = microbatch;
    SmallRun run(options);
    Checkpoint checkpoint;
    checkpoint.layout = trained.trainer.model().network.layout();
    checkpoint.parameters = Buffer(checkpoint.layout.floats());
    const std::vector<float> parameters = steps > 0 ? trained.parameters() : run.parameters();
    std::copy(parameters.begin(), parameters.end(), checkpoint.parameters.data());
    run.trainer.restore_parameters(checkpoint, "x");
    return run.trainer.evaluate(*run.dataset.test);
  };
  const Score whole = evaluated(23, 4);
  for (const int64_t microbatch : {1, 6}) {
    EXPECT_NEAR(evaluated(microbatch, 4).loss, whole.loss, 1e-6 * whole.loss) << microbatch;
    EXPECT_EQ(evaluated(microbatch, 4).error, whole.error);
  }
  EXPECT_NE(evaluated(23, 0).loss, whole.loss);
}

}  // namespace
}  // namespace lockstep::train
