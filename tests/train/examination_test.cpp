#include "lockstep/train/examination.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/train/replay.h"
#include "support/expect.h"
#include "support/folder.h"
#include "support/signals.h"
#include "train/small_run.h"

namespace lockstep::train {
namespace {

// The last microbatch of a step of 20 samples: two of them.
constexpr Place kPlace = {1, 4, 20, 3, 6};

// What one microbatch can be examined with; parameters and samples are there to be spoiled.
class Bench {
 public:
  explicit Bench(const std::vector<std::string>& lines, const std::string& loss = "softmax")
      : options(with(lines, loss)),
        dataset(small_dataset()),
        model(make_model(options, dataset.info)),
        unpacker(options, dataset.info),
        workers(2, kernels::use_one_thread),
        engine(model, unpacker, workers, kPlace.microbatch_size, 1),
        tree(model.network.layout().learned_floats(),
             dist::GradientTree::buffers_needed(engine.plan().branches(), {20, 6, 1}, 0, engine.plan().width),
             engine.plan().width),
        parameters(model.network.layout().floats()) {
    model.network.initialise(1, parameters.data());
  }

  float* parameter(const std::string& layer, const std::string& name) {
    for (const ParameterInfo& p : model.network.layout().parameters()) {
      if (p.layer == layer && p.name == name) return parameters.data() + p.offset;
    }
    fail("there is no ", layer, "/", name);
  }
  float* sample(int64_t index) {
    return &dynamic_cast<FloatSplit&>(*dataset.train).values[static_cast<size_t>(index * 72)];
  }
  Examination examine() {
    return train::examine(model, engine, tree, kPlace, dataset.train->fetch(indices), options.seed,
                          parameters.data());
  }
  std::string cause() { return cause_text(examine(), model.network, indices); }

  static Options with(const std::vector<std::string>& lines, const std::string& loss) {
    Options options = small_options();
    options.layers.clear();
    for (const std::string& line : lines)
      options.layers.push_back({line, text("net.cfg:", options.layers.size() + 1)});
    options.loss = loss;
    if (loss != "softmax") options.target = "input";
    return options;
  }

  Options options;
  data::Dataset dataset;
  Model model;
  data::Unpacker unpacker;
  parallel::Workers workers;
  Engine engine;
  dist::GradientTree tree;
  Buffer parameters;
  std::vector<int64_t> indices = {31, 8};
};

const std::vector<std::string> kClassifier = {"conv 4 kernel=3", "relu", "dropout 0.3",
                                              "linear 300",      "tanh", "linear 3"};

TEST(Examination, OfASoundMicrobatchFindsNothing) {
  Bench bench(kClassifier);
  const Examination found = bench.examine();
  EXPECT_FALSE(first_cause(found, bench.model.network));
  EXPECT_EQ(found.input.values, 2 * 72) << "columns beyond the samples do not count";
  EXPECT_GT(found.layers[3].output.largest, 0);
  EXPECT_EQ(found.layers[3].output.values, 2 * 300);
  EXPECT_TRUE(found.layers[3].delta.has_value());
  ASSERT_EQ(found.gradients.size(), 6u);
  for (const auto& gradient : found.gradients) EXPECT_GT(gradient.value().largest, 0);
}

TEST(Examination, NeedsAMicrobatchThatIsSomethingAlone) {
  Bench bench({"conv 4 kernel=3", "batchnorm statistics=minibatch", "linear 3"});
  test::expect_error([&] { bench.examine(); }, {"statistics=minibatch", "cannot be repeated alone"});
}

TEST(Examination, TheFirstLayerIsNamedWithTheSamples) {
  Bench conv(kClassifier);
  std::fill_n(conv.parameter("conv1", "weights"), 4 * 2 * 9, 30.0f);
  std::fill_n(conv.sample(8), 72, 1e38f);
  EXPECT_EQ(conv.cause(),
            "the first that is not finite is the output of layer conv1 ('conv 4 kernel=3', net.cfg:1), of "
            "samples 8");
  Bench linear(kClassifier);
  std::fill_n(linear.parameter("linear2", "weights"), 3 * 300, 3e38f);
  EXPECT_EQ(linear.cause(),
            "the first that is not finite is the output of layer linear2 ('linear 3', net.cfg:6), of all the "
            "microbatch's samples");
}

TEST(Examination, WhatWasThereBeforeComesFirst) {
  Bench bench(kClassifier);
  bench.sample(31)[5] = std::nanf("");
  EXPECT_EQ(bench.cause(), "the first that is not finite is the network's input, of samples 31");
  bench.parameter("linear1", "bias")[7] = std::nanf("");
  EXPECT_EQ(bench.cause(),
            "the first that is not finite is the bias of layer linear1 ('linear 300', net.cfg:4), from the "
            "update of the step before");
}

TEST(Examination, APenaltyAndTheLossAreNamedWhereAllOutputsAreFinite) {
  Bench penalty({"linear 30", "l1 1e29", "linear 72"}, "squared");
  std::fill_n(penalty.parameter("linear1", "weights"), 30 * 72, 1e13f);
  EXPECT_EQ(penalty.cause(),
            "the first that is not finite is the penalty of layer l11 ('l1 1e29', net.cfg:2)");
  Bench loss({"linear 30", "sigmoid", "linear 72"}, "squared");
  std::fill_n(loss.parameter("linear2", "weights"), 72 * 30, 1e25f);
  EXPECT_EQ(loss.cause(), "the first that is not finite is the loss itself");
}

TEST(Examination, LayersThatDoNotLearnHaveNoGradient) {
  Bench bench({"linear 30 learn=no", "relu", "linear 3"});
  const Examination found = bench.examine();
  EXPECT_FALSE(found.layers[0].delta.has_value());
  EXPECT_TRUE(found.layers[2].delta.has_value());
  EXPECT_EQ(std::count_if(found.gradients.begin(), found.gradients.end(), [](const auto& g) { return !g; }),
            2);
}

class ReplayTest : public test::FolderTest {};

// Runs until the loss is NaN; returns the message.
std::string run_to_nan(const Options& options, int threads, data::Dataset dataset) {
  SmallRun run(options, threads, std::move(dataset));
  try {
    run.trainer.run(test::stop_signals(), nullptr);
  } catch (const comm::AgreedError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error was reported";
  return "";
}

TEST_F(ReplayTest, RepeatsTheStepBitForBitFromTheFileAlone) {
  for (const std::string first : {"conv 4 kernel=3", "linear 300"}) {  // the second's gradients are joint
    Options options =
        Bench::with({first, "dropout 0.3", "relu", "linear 300", "relu", "linear 3"}, "softmax");
    options.augment = "crop 1, flip";
    options.checkpoint = path("run.h5");
    data::Dataset dataset = small_dataset();
    std::fill_n(&dynamic_cast<FloatSplit&>(*dataset.train).values[17 * 72], 72, 3e38f);
    const std::string message = run_to_nan(options, 3, std::move(dataset));
    test::expect_parts(message, {"not finite", "trainer replay " + path("run.nan.h5")});
    const FailedStep step = read_failed_step(path("run.nan.h5"));
    const Replayed replayed = replay(step, path("run.nan.h5"));
    EXPECT_EQ(std::memcmp(&replayed.found.loss, &step.loss, sizeof step.loss), 0) << first;
    EXPECT_EQ(replayed.found.gradient_digest, step.gradient_digest) << first;
    EXPECT_NE(message.find(cause_text(replayed.found, replayed.model.network, step.indices).substr(0, 60)),
              std::string::npos)
        << message;
    const std::string table = replay_table(replayed);
    test::expect_parts(table,
                       {"linear1 weights", "relu1 output", "linear2 output's derivative", "bias gradient"});
  }
}

TEST_F(ReplayTest, AFileThatCannotBeWrittenDoesNotHideTheReason) {
  Options options = small_options();
  options.checkpoint = path("run.h5");
  test::put_bytes(path("run.nan.h5"), "somebody's notes");
  data::Dataset dataset = small_dataset();
  dynamic_cast<FloatSplit&>(*dataset.train).values[3 * 72] = std::nanf("");
  test::expect_parts(run_to_nan(options, 1, std::move(dataset)),
                     {"the loss became infinite or NaN", "the network's input, of samples 3",
                      "no file to repeat it with", "run.nan.h5", "left as it is"});
  EXPECT_EQ(test::bytes_of(path("run.nan.h5")), "somebody's notes");
}

}  // namespace
}  // namespace lockstep::train
