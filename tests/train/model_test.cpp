#include "lockstep/train/model.h"

#include <gtest/gtest.h>

#include "support/expect.h"

namespace lockstep::train {
namespace {

io::DatasetInfo dataset(int64_t classes, std::vector<int64_t> targets = {}) {
  io::DatasetInfo info;
  info.sample_dims = {1, 4, 5};
  info.classes = classes;
  info.target_dims = std::move(targets);
  return info;
}

Options with(const std::string& layer, const std::string& loss, const std::string& target = "auto") {
  Options options;
  options.dataset = "data.h5";
  options.layers = {{layer, "net.cfg:1"}};
  options.loss = loss;
  options.target = target;
  return options;
}

TEST(Model, LearnsLabelsElseTargetsElseTheInput) {
  EXPECT_EQ(make_model(with("linear 10", "softmax"), dataset(10, {3})).target, Target::kLabels);
  EXPECT_EQ(make_model(with("linear 3", "squared"), dataset(0, {3})).target, Target::kValues);
  EXPECT_EQ(make_model(with("linear 20", "squared"), dataset(0)).target, Target::kInput);
}

TEST(Model, LearnsWhatItIsTold) {
  EXPECT_EQ(make_model(with("linear 3", "squared", "targets"), dataset(10, {3})).target, Target::kValues);
  EXPECT_EQ(make_model(with("linear 20", "cross-entropy", "input"), dataset(10, {3})).target, Target::kInput);
  EXPECT_TRUE(make_model(with("linear 10", "squared"), dataset(10)).classifies());
  EXPECT_FALSE(make_model(with("linear 20", "squared", "input"), dataset(10)).classifies());
}

TEST(Model, TargetsThatTheDatasetHasNotAreAnError) {
  test::expect_usage_error([] { make_model(with("linear 10", "softmax", "labels"), dataset(0)); },
                           {"data.h5 has no labels", "target = input"});
  test::expect_usage_error([] { make_model(with("linear 3", "squared", "targets"), dataset(10)); },
                           {"data.h5 has no /train/targets"});
}

TEST(Model, SoftmaxNeedsLabels) {
  test::expect_usage_error(
      [] { make_model(with("linear 20", "softmax", "input"), dataset(10)); },
      {"loss = softmax needs labels", "the target is the input", "squared or cross-entropy"});
  test::expect_usage_error([] { make_model(with("linear 3", "softmax"), dataset(0, {3})); },
                           {"the target is values"});
}

TEST(Model, ANetworkWithNothingToLearnIsAnError) {
  test::expect_usage_error([] { make_model(with("relu", "squared"), dataset(0)); },
                           {"net.cfg:1", "no layer of the network has anything to learn", "linear 10"});
}

TEST(Model, OutputsHaveToFitWhatIsLearned) {
  test::expect_usage_error(
      [] { make_model(with("linear 9", "softmax"), dataset(10)); },
      {"net.cfg:1", "'linear 9'", "gives 9 outputs", "needs 10 (the classes of the dataset)"});
  test::expect_usage_error([] { make_model(with("linear 9", "squared"), dataset(0, {3})); },
                           {"needs 3 (the values of a target)"});
  test::expect_usage_error([] { make_model(with("conv 2 kernel=2", "squared"), dataset(0)); },
                           {"gives 2x3x4 = 24 outputs", "needs 20 (the values of an input"});
}

}  // namespace
}  // namespace lockstep::train
