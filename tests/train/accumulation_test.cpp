// Microbatches that are accumulated are one big batch.
#include <gtest/gtest.h>

#include <cmath>

#include "gradient_of.h"
#include "small_run.h"
#include "support/expect.h"

namespace lockstep::train {
namespace {

class Accumulation : public ::testing::TestWithParam<std::string> {
 protected:
  Accumulation() : options_(small_options()) {
    options_.loss = GetParam();
    model_ = std::make_unique<Model>(make_model(options_, dataset_.info));
    parameters_.resize(static_cast<size_t>(model_->network.layout().floats()));
    model_->network.initialise(1, parameters_.data());
    for (int64_t i = 0; i < 43; ++i) indices_.push_back(i * 7 % kTrainRows);
  }
  GradientOf with(int64_t microbatch, int threads) const {
    return GradientOf(*model_, dataset_, indices_, parameters_.data(), microbatch, threads);
  }

  Options options_;
  data::Dataset dataset_ = small_dataset();
  std::unique_ptr<Model> model_;
  std::vector<float> parameters_;
  std::vector<int64_t> indices_;
};

INSTANTIATE_TEST_SUITE_P(Losses, Accumulation, ::testing::Values("softmax", "squared", "cross-entropy"),
                         [](const auto& info) { return info.param.substr(0, 5); });

double norm(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares);
}

TEST_P(Accumulation, MicrobatchesAreOneBigBatchToRounding) {
  const GradientOf whole = with(64, 1);
  ASSERT_GT(norm(whole.gradient), 1e-3);
  for (const int64_t microbatch : {1, 5, 16, 42}) {
    const GradientOf parts = with(microbatch, 1);
    std::vector<float> difference = parts.gradient;
    for (size_t i = 0; i < difference.size(); ++i) difference[i] -= whole.gradient[i];
    EXPECT_LT(norm(difference), 1e-6 * norm(whole.gradient)) << "microbatches of " << microbatch;
    EXPECT_NEAR(parts.sums[0], whole.sums[0], 1e-6 * whole.sums[0]);
    EXPECT_EQ(parts.sums[1], whole.sums[1]);
  }
}

// Statistics are of the minibatch, so they do not know of the cut either.
TEST_P(Accumulation, SoTheyAreWithStatisticsOfTheMinibatch) {
  options_.layers[2].line = "batchnorm statistics=minibatch";
  options_.layers[5].line = "batchnorm statistics=minibatch";
  model_ = std::make_unique<Model>(make_model(options_, dataset_.info));
  parameters_.resize(static_cast<size_t>(model_->network.layout().floats()));
  model_->network.initialise(1, parameters_.data());
  const GradientOf whole = with(64, 1);
  for (const int64_t microbatch : {1, 5, 16, 42}) {
    const GradientOf parts = with(microbatch, 2);
    std::vector<float> difference = parts.gradient;
    for (size_t i = 0; i < difference.size(); ++i) difference[i] -= whole.gradient[i];
    EXPECT_LT(norm(difference), 1e-5 * norm(whole.gradient)) << "microbatches of " << microbatch;
    EXPECT_NEAR(parts.sums[0], whole.sums[0], 1e-5 * whole.sums[0]);
    EXPECT_TRUE(test::same_bits(with(microbatch, 1).gradient, parts.gradient));
  }
}

TEST_P(Accumulation, ThreadsChangeNoBit) {
  const GradientOf one = with(5, 1);
  for (const int threads : {2, 3, 4, 8}) {
    const GradientOf many = with(5, threads);
    EXPECT_TRUE(test::same_bits(many.gradient, one.gradient)) << threads << " threads";
    EXPECT_EQ(many.sums, one.sums);
  }
}

// The mean over the samples: a sample counts the same however often it comes.
TEST_P(Accumulation, TheGradientIsThatOfTheMeanLoss) {
  options_.layers[3].line = "dropout 0";  // what falls depends on the place in the minibatch
  const Model model = make_model(options_, dataset_.info);
  const GradientOf once(model, dataset_, {7}, parameters_.data(), 1, 1);
  const GradientOf often(model, dataset_, {7, 7, 7, 7, 7, 7, 7, 7}, parameters_.data(), 1, 1);
  EXPECT_TRUE(test::same_bits(often.gradient, once.gradient)) << "eighths add up without rounding";
  EXPECT_EQ(often.sums[0], 8 * once.sums[0]);
}

}  // namespace
}  // namespace lockstep::train
