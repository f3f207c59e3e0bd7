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

TEST(Model, OnlyClassifiersOfPicturesAreScoredByMirrorImagesToo) {
  const auto model = [](const io::DatasetInfo& info, const std::string& layer, const std::string& target) {
    Options options = with(layer, "squared", target);
    apply_configuration(options, "test-augment = flip\n", "run.cfg");
    return make_model(options, info);
  };
  EXPECT_TRUE(model(dataset(10), "linear 10", "labels").both_views);
  EXPECT_FALSE(make_model(with("linear 10", "squared"), dataset(10)).both_views);
  test::expect_usage_error(
      [&] { model(dataset(10), "linear 20", "input"); },
      {"run.cfg:1: test-augment = flip is for classifiers", "the target is the input", "target = labels"});
  io::DatasetInfo vectors = dataset(10);
  vectors.sample_dims = {20};
  test::expect_usage_error(
      [&] { model(vectors, "linear 10", "labels"); },
      {"run.cfg:1: test-augment = flip is for pictures", "data.h5", "plain vectors of 20"});
}

TEST(Model, ANetworkWithNothingToLearnIsAnError) {
  test::expect_usage_error([] { make_model(with("relu", "squared"), dataset(0)); },
                           {"net.cfg:1", "no layer of the network has anything to learn", "linear 10"});
}

// What is found out about the machine is an argument, so that every machine can be asked about here.
TEST(Precision, Bf16NeedsTheInstructionsInBuildAndProcessor) {
  Options options;
  apply_configuration(options, "precision = bf16\n", "run.cfg");
  EXPECT_NO_THROW(check_precision(options, {true, true, "avx512_core_bf16"}));
  test::expect_usage_error(
      [&] {
        check_precision(options, {true, false, "avx512_core_vnni"});
      },
      {"run.cfg:1: precision = bf16 needs the instructions avx512_bf16", "no more than avx512_core_vnni",
       "or take --precision float32"});
  test::expect_usage_error([&] { check_precision(options, {false, false, "avx2"}); }, {"no more than avx2"});
  test::expect_usage_error(
      [&] {
        check_precision(options, {false, true, "avx512_core_bf16"});
      },
      {"was built without", "-DLOCKSTEP_ARCH=native"});
}

TEST(Precision, Float32RunsEverywhere) {
  EXPECT_EQ(Options().precision, "float32");
  EXPECT_NO_THROW(check_precision(Options(), {false, false, "sse41"}));
}

TEST(Precision, OfAModelIsThatOfItsLayers) {
  const kernels::Bf16Support support = kernels::bf16_support();
  if (!support.built || !support.processor)
    GTEST_SKIP() << "no avx512_bf16 here: " << support.instruction_set;
  for (const char* precision : {"float32", "bf16"}) {
    Options options = with("conv 10 kernel=4", "squared", "input");
    options.layers.push_back({"linear 20", "net.cfg:2"});
    options.precision = precision;
    const Model model = make_model(options, dataset(0));
    for (const nn::Node& node : model.network.nodes()) {
      const bool named = node.layer->work(16).fprop.kernel.find("bf16") != std::string::npos;
      EXPECT_EQ(named, options.precision == "bf16") << node.line;
    }
  }
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
