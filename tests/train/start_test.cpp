// Runs that start from other runs' checkpoints, and networks that stand on them.
#include "lockstep/train/start.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "small_run.h"
#include "support/expect.h"
#include "support/folder.h"
#include "support/signals.h"

namespace lockstep::train {
namespace {

Options autoencoder(const std::vector<std::string>& lines) {
  Options options = small_options();
  options.layers.clear();
  for (const std::string& line : lines) options.layers.push_back({line, "own.cfg:1"});
  options.target = "input";
  options.loss = "squared";
  options.learning_rate = 0.005;
  options.epochs = 1;
  return options;
}

const std::vector<std::string> kBelow = {"corrupt masking 0.2", "linear 20", "tanh name=code", "linear 72"};

class StartTest : public ::testing::Test {
 protected:
  Checkpoint trained(Options options, const Checkpoint* start = nullptr) const {
    options.checkpoint = folder_ / "run.ckpt";
    SmallRun run(options);
    if (start != nullptr) run.trainer.start_from(*start, "below.h5");
    run.trainer.run(test::stop_signals(), nullptr);
    return read_checkpoint(options.checkpoint);
  }
  std::vector<float> part(const Checkpoint& checkpoint, const std::string& layer, const std::string& name,
                          const Buffer* arena = nullptr) const {
    const float* values = (arena == nullptr ? checkpoint.parameters : *arena).data();
    for (const ParameterInfo& p : checkpoint.layout.parameters()) {
      if (p.layer == layer && p.name == name) return {values + p.offset, values + p.offset + p.size};
    }
    fail("there is no ", layer, "/", name);
  }
  Options stacked_on(const Checkpoint& below, const std::vector<std::string>& lines,
                     const std::string& code = "") const {
    Options options = autoencoder(lines);
    options.stack_on = "below.h5";
    options.stack_code = code;
    return stacked(options, below, "below.h5", small_dataset().info);
  }
  test::Folder folder_;
};

TEST_F(StartTest, FilesStandBetweenCommas) {
  Options options;
  EXPECT_TRUE(start_files(options).empty());
  options.start_from = "a.h5, b.h5 ,c.h5";
  EXPECT_EQ(start_files(options), (std::vector<std::string>{"a.h5", "b.h5", "c.h5"}));
}

TEST_F(StartTest, TakesTheLayersOfTheSameName) {
  const Checkpoint below = trained(autoencoder(kBelow));
  SmallRun run(autoencoder({"linear 20 name=linear1", "tanh", "linear 72 name=other"}));
  const std::vector<float> before = run.parameters();
  run.trainer.start_from(below, "below.h5");
  for (const ParameterInfo& p : run.trainer.model().network.layout().parameters()) {
    const float* now = run.trainer.parameters() + p.offset;
    const std::vector<float> values(now, now + p.size);
    const std::vector<float> own(before.begin() + p.offset, before.begin() + p.offset + p.size);
    EXPECT_TRUE(test::same_bits(values, p.layer == "linear1" ? part(below, p.layer, p.name) : own))
        << p.layer;
  }
}

TEST_F(StartTest, OfAnotherShapeIsAnError) {
  const Checkpoint below = trained(autoencoder(kBelow));
  SmallRun run(autoencoder({"linear 21 name=linear1", "tanh", "linear 72 name=other"}));
  test::expect_error(
      [&] { run.trainer.start_from(below, "below.h5"); },
      {"below.h5", "cannot take linear1/weights", "20x72 there and 21x72 here", "another name="});
}

TEST_F(StartTest, LeavesLayersAloneThatNobodyNamed) {
  const Checkpoint below = trained(autoencoder({"linear 20 name=a", "tanh", "linear 72"}));
  SmallRun run(autoencoder({"linear 20 name=a", "tanh", "linear 72"}));
  const std::vector<float> before = run.parameters();
  run.trainer.start_from(below, "below.h5");
  for (const ParameterInfo& p : run.trainer.model().network.layout().parameters()) {
    const float* now = run.trainer.parameters() + p.offset;
    const bool same = std::equal(now, now + p.size, before.begin() + p.offset);
    EXPECT_EQ(same, p.layer != "a") << p.layer << "/" << p.name;
  }
}

TEST_F(StartTest, OnOtherInputsThanThereIsAnErrorUnlessSaid) {
  Options normalised = autoencoder(kBelow);
  normalised.normalise = "0.5,0.5/2,2";
  const Checkpoint below = trained(normalised);
  Options options = autoencoder({"linear 20 name=linear1", "tanh", "linear 72 name=other"});
  test::expect_usage_error(
      [&] { SmallRun(options).trainer.start_from(below, "below.h5"); },
      {"below.h5", "normalise = 0.5,0.5/2,2", "normalise = none", "where that is meant"});
  options.origins["normalise"] = "own.cfg:9";
  SmallRun(options).trainer.start_from(below, "below.h5");
}

TEST_F(StartTest, OfNoLayerIsAnError) {
  const Checkpoint below = trained(autoencoder(kBelow));
  SmallRun run(autoencoder({"linear 20 name=a", "tanh", "linear 72 name=b"}));
  test::expect_error(
      [&] { run.trainer.start_from(below, "below.h5"); },
      {"below.h5", "finds no layer of this network", "linear2, linear1", "b, a", "the same name="});
}

TEST_F(StartTest, AStackIsTheEncoderWithoutWhatActsInTrainingOnly) {
  const Options options =
      stacked_on(trained(autoencoder(kBelow)), {"corrupt masking 0.3", "linear 10", "tanh", "linear 20"});
  std::vector<std::string> lines;
  for (const LayerLine& line : options.layers) lines.push_back(line.line);
  EXPECT_EQ(lines, (std::vector<std::string>{"linear 20 name=linear1 from=input learn=no",
                                             "tanh name=code from=linear1 learn=no",
                                             "corrupt masking 0.3 name=corrupt2", "linear 10 name=linear3",
                                             "tanh name=tanh1", "linear 20 name=linear4"}));
  EXPECT_EQ(options.target, "layer:code");
  EXPECT_EQ(options.start_from, "below.h5");
  EXPECT_EQ(options.stack_on + options.stack_code, "");
}

TEST_F(StartTest, AStacksCodeMayBeNamed) {
  const Checkpoint below = trained(autoencoder(kBelow));
  EXPECT_EQ(stacked_on(below, {"linear 10", "linear 20"}, "linear1").target, "layer:linear1");
  test::expect_usage_error([&] { stacked_on(below, {"linear 10"}, "cod"); },
                           {"no layer named 'cod'", "'code'"});
  test::expect_usage_error([&] { stacked_on(below, {"linear 10"}, "corrupt1"); },
                           {"stack-code = corrupt1 is the input of below.h5", "name a layer behind one"});
}

TEST_F(StartTest, ANameThatTheStackHasIsAnError) {
  const Checkpoint below = trained(autoencoder(kBelow));
  test::expect_usage_error(
      [&] {
        stacked_on(below, {"linear 10 name=code", "linear 20"});
      },
      {"own.cfg:1", "'linear 10 name=code'", "the name 'code' is taken by a layer of below.h5",
       "another name="});
}

TEST_F(StartTest, AStackIsNormalisedAsWhatItStandsOn) {
  Options options = autoencoder(kBelow);
  options.normalise = "0.5,0.5/2,2";
  const Checkpoint below = trained(options);
  EXPECT_EQ(stacked_on(below, {"linear 10", "linear 20"}).normalise, "0.5,0.5/2,2");
  Options other = autoencoder({"linear 10", "linear 20"});
  other.normalise = "dataset";
  other.origins["normalise"] = "own.cfg:9";
  test::expect_usage_error([&] { stacked(other, below, "below.h5", small_dataset().info); },
                           {"own.cfg:9", "normalise = dataset", "0.5,0.5/2,2", "take the line away"});
}

// Weight decay, momentum and clipping would move it otherwise.
TEST_F(StartTest, WhatDoesNotLearnStaysToTheBit) {
  const Checkpoint below = trained(autoencoder(kBelow));
  for (const std::string optimizer : {"sgd", "adam", "adamw"}) {
    Options options = stacked_on(below, {"corrupt masking 0.3", "linear 10", "tanh", "l1 0.01", "linear 20"});
    options.optimizer = optimizer;
    options.momentum = optimizer == "sgd" ? 0.9 : 0;
    options.weight_decay = 0.1;
    options.clip_norm = 0.5;
    options.epochs = 3;
    const Checkpoint stack = trained(options, &below);
    for (const char* name : {"weights", "bias"}) {
      EXPECT_TRUE(test::same_bits(part(stack, "linear1", name), part(below, "linear1", name))) << optimizer;
      for (const SavedSlot& slot : stack.slots) {
        const auto values = part(stack, "linear1", name, &slot.values);
        EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return v == 0; })) << slot.name;
        const auto learned = part(stack, "linear3", name, &slot.values);
        EXPECT_TRUE(std::any_of(learned.begin(), learned.end(), [](float v) { return v != 0; })) << slot.name;
      }
    }
  }
}

TEST_F(StartTest, AStackGoesOnFromItsCheckpointAlone) {
  const Checkpoint below = trained(autoencoder(kBelow));
  Options options =
      stacked_on(below, {"corrupt gaussian 0.1", "linear 10", "sigmoid", "kl 0.1 0.1", "linear 20"});
  options.epochs = 4;
  const Checkpoint whole = trained(options, &below);
  options.steps = 5;
  const Checkpoint half = trained(options, &below);
  Options rest;
  apply_configuration(rest, half.resolved, "resolved");
  rest.steps = 0;
  rest.checkpoint = folder_ / "rest.ckpt";
  SmallRun run(rest);
  run.trainer.restore(half, "half.ckpt");
  run.trainer.run(test::stop_signals(), nullptr);
  EXPECT_EQ(first_difference(read_checkpoint(rest.checkpoint), whole), "");
}

// The loss of training has the penalties in it, that of an evaluation has not.
TEST_F(StartTest, PenaltiesAreInTheLossOfTrainingAlone) {
  Options options = autoencoder({"linear 20", "tanh", "l1 0", "linear 72"});
  options.steps = 1;
  options.history_steps = 1;
  options.learning_rate = 0;
  SmallRun plain(options);
  options.layers[2].line = "l1 5";
  SmallRun penalised(options);
  plain.trainer.run(test::stop_signals(), nullptr);
  penalised.trainer.run(test::stop_signals(), nullptr);
  EXPECT_GT(penalised.trainer.state().since_epoch.loss, plain.trainer.state().since_epoch.loss + 20);
  EXPECT_EQ(penalised.trainer.state().since_epoch.error, plain.trainer.state().since_epoch.error);
  EXPECT_EQ(penalised.trainer.evaluate(*penalised.dataset.test).loss,
            plain.trainer.evaluate(*plain.dataset.test).loss);
}

}  // namespace
}  // namespace lockstep::train
