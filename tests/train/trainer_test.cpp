#include "lockstep/train/trainer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <thread>

#include "lockstep/comm/agreed_error.h"
#include "small_run.h"
#include "support/expect.h"
#include "support/folder.h"
#include "support/signals.h"

namespace lockstep::train {
namespace {

std::vector<Options> kinds_of_runs() {
  Options adam = small_options();
  adam.optimizer = "adam";
  adam.learning_rate = 0.003;
  adam.schedule = "cosine";
  Options clipped = small_options();
  clipped.clip_norm = 0.5;
  clipped.nesterov = true;
  clipped.warmup_steps = 5;
  Options mpi = small_options();
  mpi.reduction = "mpi";
  Options normalised = adam;
  normalised.layers[2].line = "batchnorm";
  normalised.layers[5].line = "batchnorm momentum=0.5";
  normalised.clip_norm = 0.5;
  Options augmented = small_options();
  augmented.augment = "crop 2, flip";
  augmented.normalise = "dataset";
  Options growing = small_options();  // 5 steps, twice 3, and 1
  growing.batch_size = *BatchSizes::parse("12, 20 after 1, 50 after 3");
  growing.reference_batch = 20;
  growing.schedule = "cosine";
  Options together = normalised;
  together.layers[2].line = "batchnorm statistics=minibatch";
  together.layers[5].line = "batchnorm statistics=minibatch momentum=0.5";
  return {small_options(), adam, clipped, mpi, normalised, augmented, growing, together};
}

class TrainerTest : public ::testing::Test {
 protected:
  // Trains from the beginning, or from a checkpoint, and reads what is written at the end.
  Checkpoint trained(Options options, int threads = 2, const Checkpoint* from = nullptr) const {
    options.checkpoint = folder_ / "run.ckpt";
    SmallRun run(options, threads);
    if (from != nullptr) run.trainer.restore(*from, "run.ckpt");
    const Outcome outcome = run.trainer.run(test::stop_signals(), nullptr);
    EXPECT_EQ(outcome.stopped_by, 0);
    EXPECT_EQ(outcome.checkpoint, options.checkpoint);
    return read_checkpoint(options.checkpoint);
  }
  test::Folder folder_;
};

Options until(Options options, int64_t steps) {
  options.steps = steps;
  return options;
}

TEST_F(TrainerTest, ThreadsAndBucketsChangeNoBit) {
  for (Options options : kinds_of_runs()) {
    const Checkpoint one = trained(options, 1);
    for (const int threads : {2, 4}) {
      options.bucket_kilobytes = threads == 2 ? 1 : 4096;
      EXPECT_EQ(first_difference(one, trained(options, threads)), "") << threads << " threads";
    }
  }
}

TEST_F(TrainerTest, ResumedIsUninterruptedWhereverItStopped) {
  for (const Options& options : kinds_of_runs()) {
    const Checkpoint whole = trained(options);
    ASSERT_EQ(whole.state.step, 12);
    for (const int64_t stop :
         {1, 3, 7, 11}) {  // the first step, an epoch's end, within an epoch, the last but one
      const Checkpoint part = trained(until(options, stop), 1);
      ASSERT_EQ(part.state.step, stop);
      EXPECT_EQ(first_difference(whole, trained(options, 3, &part)), "") << "stopped after step " << stop;
    }
  }
}

TEST_F(TrainerTest, TrainingLowersTheLoss) {
  Options options = small_options();
  options.epochs = 30;
  options.layers[3].line = "dropout 0";
  const io::Table history = trained(options).history;
  const size_t columns = history.columns.size();
  EXPECT_LT(history.values[history.values.size() - columns + 3], 0.5 * history.values[3]);
}

TEST_F(TrainerTest, AugmentationAndNormalisationAreOtherRuns) {
  const std::string plain = trained(small_options()).parameters_digest;
  for (const char* augment : {"crop 1", "flip"}) {
    Options options = small_options();
    options.augment = augment;
    EXPECT_NE(trained(options).parameters_digest, plain) << augment;
  }
  Options options = small_options();
  options.normalise = "dataset";
  EXPECT_NE(trained(options).parameters_digest, plain);
}

// An epoch is augmented like no other: two of one step each, without shuffling to tell them apart.
TEST_F(TrainerTest, EveryEpochIsAugmentedAnew) {
  Options options = small_options();
  options.layers = {{"linear 3", "small.cfg:1"}};
  options.batch_size = kTrainRows;
  options.learning_rate = 0;
  options.weight_decay = 0;
  options.history_steps = 1;
  const auto losses_differ = [&] {
    const io::Table history = trained(options).history;
    return std::abs(history.values[3] - history.values[3 + history.columns.size()]) > 1e-4;
  };
  EXPECT_FALSE(losses_differ());
  options.augment = "crop 2";
  EXPECT_TRUE(losses_differ());
}

// The numbers that the word stands for travel in the resolved configuration, which gives the same run.
TEST_F(TrainerTest, ACheckpointHoldsTheStatisticsInThePlaceOfTheWord) {
  Options options = small_options();
  options.normalise = "dataset";
  const Checkpoint checkpoint = trained(options);
  Options resolved;
  apply_configuration(resolved, checkpoint.resolved, "run.ckpt");
  EXPECT_EQ(std::count(resolved.normalise.begin(), resolved.normalise.end(), ','), 2) << resolved.normalise;
  EXPECT_EQ(first_difference(checkpoint, trained(resolved)), "");
}

TEST_F(TrainerTest, AnotherSeedIsAnotherRun) {
  Options options = small_options();
  options.seed = 2;
  EXPECT_NE(trained(options).parameters_digest, trained(small_options()).parameters_digest);
}

// Rows every history-steps and at the end of each epoch, which has the evaluation.
TEST_F(TrainerTest, TheHistoryHasItsRows) {
  const io::Table history = trained(small_options()).history;
  std::vector<double> steps;
  for (int64_t row = 0; row < history.rows(); ++row) {
    const double* values = &history.values[static_cast<size_t>(row) * history.columns.size()];
    steps.push_back(values[0]);
    EXPECT_DOUBLE_EQ(values[1], values[0] / 3);
    EXPECT_DOUBLE_EQ(values[2], 0.05);
    EXPECT_TRUE(std::isfinite(values[3]) && values[3] > 0);
    EXPECT_TRUE(values[4] >= 0 && values[4] <= 1);
    EXPECT_EQ(std::isfinite(values[5]), static_cast<int64_t>(values[0]) % 3 == 0)
        << "evaluated at the end of an epoch";
  }
  EXPECT_EQ(steps, (std::vector<double>{3, 5, 6, 9, 10, 12}));
}

// Where the minibatch doubles, the rate stays, or doubles with it where it has a minibatch that it is for.
TEST_F(TrainerTest, TheRateFollowsTheMinibatchWhereThatIsAskedFor) {
  const auto rates = [&](int64_t reference) {
    Options options = small_options();
    options.batch_size = *BatchSizes::parse("25, 50 after 2");
    options.reference_batch = reference;
    options.history_steps = 100;
    const io::Table history = trained(options).history;
    std::vector<double> found;
    for (int64_t row = 0; row < history.rows(); ++row)
      found.push_back(history.values[static_cast<size_t>(row) * history.columns.size() + 2]);
    return found;
  };
  EXPECT_EQ(rates(0), (std::vector<double>{0.05, 0.05, 0.05, 0.05}));
  EXPECT_EQ(rates(25), (std::vector<double>{0.05, 0.05, 0.1, 0.1}));
}

TEST_F(TrainerTest, EvaluationIsTheMeanOverTheSplitOnAnyThreads) {
  const auto evaluated = [](int threads, int64_t microbatch) {
    Options options = small_options();
    options.microbatch = microbatch;
    SmallRun run(options, threads);
    return run.trainer.evaluate(*run.dataset.test);
  };
  const Score one = evaluated(1, 6);
  EXPECT_TRUE(std::isfinite(one.loss));
  EXPECT_NEAR(one.error * 23, std::round(one.error * 23), 1e-9) << "a share of 23 samples";
  const Score many = evaluated(4, 6);
  EXPECT_EQ(many.loss, one.loss);
  EXPECT_EQ(many.error, one.error);
  const Score other_cut = evaluated(2, 20);
  EXPECT_NEAR(other_cut.loss, one.loss, 1e-6 * one.loss);
  EXPECT_EQ(other_cut.error, one.error);
}

TEST_F(TrainerTest, CheckpointsAreWrittenEverySoManyStepsOrEpochs) {
  struct Counter : Observer {
    std::vector<int64_t> steps;
    void on_checkpoint(const Progress& progress, const std::string&) override {
      steps.push_back(progress.step);
    }
  };
  const auto written = [&](int64_t steps, int64_t epochs) {
    Options options = small_options();
    options.checkpoint = folder_ / "run.ckpt";
    options.checkpoint_steps = steps;
    options.checkpoint_epochs = epochs;
    SmallRun run(options);
    Counter counter;
    run.trainer.run(test::stop_signals(), &counter);
    return counter.steps;
  };
  EXPECT_EQ(written(0, 0), (std::vector<int64_t>{12}));
  EXPECT_EQ(written(5, 0), (std::vector<int64_t>{5, 10, 12}));
  EXPECT_EQ(written(0, 2), (std::vector<int64_t>{6, 12}));
}

// Sends this process a signal after so many steps.
struct Signaller : Observer {
  Signaller(int64_t step, int signal) : step_(step), signal_(signal) {}
  void on_step(const Progress& progress) override {
    if (progress.step != step_) return;
    ::kill(::getpid(), signal_);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // it is taken on another thread
  }
  int64_t step_;
  int signal_;
};

TEST_F(TrainerTest, ASignalEndsTheStepWritesACheckpointAndTheRunGoesOnFromThere) {
  const Checkpoint whole = trained(small_options());
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    Options options = small_options();
    options.checkpoint = folder_ / "stopped.ckpt";
    {
      SmallRun run(options);
      Signaller signaller(4, signal);
      const Outcome outcome = run.trainer.run(test::stop_signals(), &signaller);
      EXPECT_EQ(outcome.stopped_by, signal);
      EXPECT_EQ(outcome.checkpoint, options.checkpoint);
    }
    const Checkpoint stopped = read_checkpoint(options.checkpoint);
    EXPECT_GE(stopped.state.step, 5) << "the step under way is finished";
    EXPECT_LT(stopped.state.step, 12);
    EXPECT_FALSE(stopped.state.finished);
    EXPECT_EQ(first_difference(whole, trained(small_options(), 2, &stopped)), "") << signal_name(signal);
  }
}

TEST_F(TrainerTest, ANanInTheDataIsReportedWithStepRankAndSamplesAndTheLastCheckpointStays) {
  Options options = small_options();
  options.checkpoint = folder_ / "good.ckpt";
  options.checkpoint_steps = 1;
  const data::Order order(options.seed, kTrainRows, options.batch_size);
  const int64_t poisoned = order.indices(1, 8, 9)[0];  // step 1, in the second microbatch
  data::Dataset dataset = small_dataset();
  dynamic_cast<FloatSplit&>(*dataset.train).values[static_cast<size_t>(poisoned * 72 + 40)] = std::nanf("");
  SmallRun run(options, 2, std::move(dataset));
  std::string samples;
  for (const int64_t index : order.indices(1, 6, 12))
    samples += (samples.empty() ? "" : ", ") + std::to_string(index);
  try {
    run.trainer.run(test::stop_signals(), nullptr);
    FAIL() << "no error was reported";
  } catch (const comm::AgreedError& error) {
    test::expect_parts(error.what(),
                       {"step 1, rank 0", run.placements[0].host, "infinite or NaN", "microbatch 1",
                        "samples " + samples + " of /train", "last good checkpoint", options.checkpoint});
  }
  EXPECT_EQ(read_checkpoint(options.checkpoint).state.step, 1);
}

TEST_F(TrainerTest, ACheckpointThatDoesNotFitTheRunIsRefused) {
  const Checkpoint checkpoint = trained(until(small_options(), 4));
  const auto expect_refused = [&](const Options& options, const std::vector<std::string>& parts) {
    SmallRun run(options);
    test::expect_error([&] { run.trainer.restore(checkpoint, "x.ckpt"); }, parts);
  };
  Options adam = small_options();
  adam.optimizer = "adam";
  expect_refused(adam, {"x.ckpt", "holds 1 arrays of optimizer state", "optimizer = adam needs 2"});
  Options batch = small_options();
  batch.batch_size = 25;
  expect_refused(batch, {"x.ckpt", "stands at step 4 (epoch 1, sample 20)", "batch-size = 25",
                         "epoch 2, sample 0", "batch-size it was made with"});
  Options network = small_options();
  network.layers[4].line = "linear 299";
  expect_refused(network, {"x.ckpt", "another network", "3x300", "3x299"});
}

TEST_F(TrainerTest, AFolderThatIsNotThereIsAnErrorWithItsName) {
  Options options = until(small_options(), 1);
  options.checkpoint = folder_ / "nowhere/run.ckpt";
  SmallRun run(options);
  test::expect_error([&] { run.trainer.run(test::stop_signals(), nullptr); }, {"nowhere"});
}

TEST_F(TrainerTest, ADatasetWithoutTrainingSamplesCanOnlyBeEvaluated) {
  data::Dataset dataset = small_dataset();
  dataset.train = nullptr;
  SmallRun run(small_options(), 1, std::move(dataset));
  EXPECT_TRUE(std::isfinite(run.trainer.evaluate(*run.dataset.test).loss));
  test::expect_error([&] { run.trainer.run(test::stop_signals(), nullptr); },
                     {"small", "no samples in /train"});
}

// A signal that nobody listens for ends the process as it would any other.
TEST(StopSignalDeathTest, WithoutAListenerASignalEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    EXPECT_EXIT(
        {
          ::kill(::getpid(), signal);
          std::this_thread::sleep_for(std::chrono::seconds(20));
        },
        testing::KilledBySignal(signal), "");
  }
}

}  // namespace
}  // namespace lockstep::train
