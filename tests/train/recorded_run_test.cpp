// Runs that are looked into: their times as a table, one step as a trace, and the same bits as ever.
#include <gtest/gtest.h>

#include <set>

#include "lockstep/train/time_table.h"
#include "lockstep/train/trace.h"
#include "small_run.h"
#include "support/expect.h"
#include "support/folder.h"
#include "support/signals.h"

namespace lockstep::train {
namespace {

// Keeps the last step's spans for the tests to look at.
class LastStep : public StepRecorder {
 public:
  explicit LastStep(int threads) : recording(threads) {}
  Recording* begin_step(int64_t step) override {
    begun.push_back(step);
    recording.clear();
    return &recording;
  }
  void end_step(int64_t step) override { ended.push_back(step); }

  std::multiset<int64_t> indices_of(Activity activity) const {
    std::multiset<int64_t> indices;
    for (const Timeline& timeline : recording.threads) {
      for (const TimeSpan& span : timeline.spans()) {
        if (span.activity == activity) indices.insert(span.index);
      }
    }
    return indices;
  }

  Recording recording;
  std::vector<int64_t> begun;
  std::vector<int64_t> ended;
};

Options steps(int64_t count) {
  Options options = small_options();
  options.steps = count;
  return options;
}

TEST(RecordedRun, HasTheBitsOfAnyOther) {
  for (const double clip_norm : {0.0, 0.5}) {
    Options options = small_options();
    options.clip_norm = clip_norm;
    SmallRun plain(options);
    plain.trainer.run(test::stop_signals(), nullptr);
    SmallRun recorded(options);
    StepTimes times(2);
    recorded.trainer.run(test::stop_signals(), nullptr, &times);
    EXPECT_TRUE(test::same_bits(plain.parameters(), recorded.parameters()));
    EXPECT_EQ(times.steps(), recorded.trainer.total_steps());
  }
}

TEST(RecordedRun, InTwoPartsHasTheBitsOfOne) {
  SmallRun whole(small_options());
  whole.trainer.run(test::stop_signals(), nullptr);
  SmallRun parts(small_options());
  const Outcome first = parts.trainer.run(test::stop_signals(), nullptr, nullptr, 4);
  EXPECT_EQ(parts.trainer.state().step, 4);
  EXPECT_FALSE(parts.trainer.state().finished);
  EXPECT_EQ(first.samples, 20 + 20 + 10 + 20);
  const Outcome second = parts.trainer.run(test::stop_signals(), nullptr);
  EXPECT_TRUE(parts.trainer.state().finished);
  EXPECT_EQ(first.samples + second.samples, 4 * kTrainRows);
  EXPECT_TRUE(test::same_bits(whole.parameters(), parts.parameters()));
}

// conv, maxpool, tanh, dropout, linear, relu, linear; step 1 has 20 samples in 4 microbatches.
TEST(RecordedRun, HasASpanForEverythingOfAStep) {
  for (const int threads : {1, 3}) {
    SmallRun run(steps(2), threads);
    LastStep last(threads);
    run.trainer.run(test::stop_signals(), nullptr, &last);
    EXPECT_EQ(last.begun, (std::vector<int64_t>{0, 1}));
    EXPECT_EQ(last.ended, last.begun);
    const auto four_times = [](const std::vector<int64_t>& layers) {
      std::multiset<int64_t> result;
      for (const int64_t layer : layers) result.insert({layer, layer, layer, layer});
      return result;
    };
    EXPECT_EQ(last.indices_of(Activity::kStep), (std::multiset<int64_t>{1}));
    EXPECT_EQ(last.indices_of(Activity::kMicrobatch), (std::multiset<int64_t>{0, 1, 2, 3}));
    EXPECT_EQ(last.indices_of(Activity::kFprop), four_times({0, 1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(last.indices_of(Activity::kBprop), four_times({1, 2, 3, 4, 5, 6}));
    std::multiset<int64_t> grads = four_times({0, 4, 6});
    grads.insert({4, 6});  // of all four at once, what each has left
    EXPECT_EQ(last.indices_of(Activity::kGrad), grads);
    for (const Activity activity : {Activity::kUnpack, Activity::kLoss}) {
      EXPECT_EQ(last.indices_of(activity), four_times({-1})) << activity_name(activity);
    }
    for (const Activity activity : {Activity::kAwaitInput, Activity::kAgree, Activity::kReduction}) {
      EXPECT_EQ(last.indices_of(activity).size(), 1u) << activity_name(activity);
    }
    for (const Activity activity : {Activity::kReduce, Activity::kUpdate}) {
      EXPECT_GT(last.indices_of(activity).size(), 0u) << activity_name(activity);
    }
    EXPECT_EQ(last.indices_of(Activity::kAwaitRanks).size(), 0u) << "there is no other rank";
  }
}

TEST(RecordedRun, HasSpansInsideTheStepThatDoNotCross) {
  SmallRun run(steps(3), 3);
  LastStep last(3);
  run.trainer.run(test::stop_signals(), nullptr, &last);
  const TimeSpan step = last.recording.threads[0].spans().back();
  ASSERT_EQ(step.activity, Activity::kStep);
  for (const Timeline& timeline : last.recording.threads) {
    const auto& spans = timeline.spans();
    for (size_t i = 0; i < spans.size(); ++i) {
      EXPECT_GE(spans[i].begin, step.begin);
      EXPECT_LE(spans[i].end, step.end);
      EXPECT_GE(spans[i].own(), 0);
      for (size_t before = 0; before < i; ++before) {
        const bool inside = spans[before].begin >= spans[i].begin;
        EXPECT_TRUE(inside || spans[before].end <= spans[i].begin);
      }
    }
  }
}

TEST(StepTimes, OfOneThreadAddUpToItsSteps) {
  SmallRun run(steps(5), 1);
  StepTimes times(1);
  run.trainer.run(test::stop_signals(), nullptr, &times);
  EXPECT_EQ(times.steps(), 5);
  double sum = 0;
  for (int a = 0; a < static_cast<int>(Activity::kCount); ++a) {
    sum += times.seconds(static_cast<Activity>(a));
  }
  EXPECT_GT(sum, 0);
  EXPECT_NEAR(sum, times.step_seconds(), 1e-6 * sum);
  double layers = 0;
  for (int64_t layer = 0; layer < 7; ++layer) layers += times.seconds(Activity::kFprop, layer);
  EXPECT_NEAR(layers, times.seconds(Activity::kFprop), 1e-6 * layers);
  EXPECT_EQ(times.seconds(Activity::kBprop, 0), 0);  // nobody wants the input's derivative
}

// The row that begins with these words; what stands behind them.
std::string row_of(const std::string& table, const std::string& words) {
  const size_t at = ("\n" + table).find("\n" + words);
  if (at == std::string::npos) return "";
  return table.substr(at + words.size(), table.find('\n', at) - at - words.size());
}

TEST(TimeTable, HasARowForEverythingAndRatesByTheFormula) {
  SmallRun run(steps(4), 2);
  StepTimes times(2);
  run.trainer.run(test::stop_signals(), nullptr, &times);
  constexpr double kSamples = 20 + 20 + 10 + 20;
  constexpr double kPeak = 5e9;
  const std::string table = time_table(run.trainer.model().network, times,
                                       {16, run.trainer.has_joint_gradients(), kSamples, kPeak});
  for (const char* row : {"conv1          fprop ",
                          "conv1          grad  ",
                          "maxpool1       fprop ",
                          "maxpool1       bprop ",
                          "tanh1          fprop ",
                          "tanh1          bprop ",
                          "dropout1       fprop ",
                          "dropout1       bprop ",
                          "linear1        fprop ",
                          "linear1        bprop ",
                          "linear1        grad  ",
                          "relu1          fprop ",
                          "relu1          bprop ",
                          "linear2        fprop ",
                          "linear2        bprop ",
                          "linear2        grad  ",
                          "unpack input ",
                          "loss ",
                          "merge gradients ",
                          "reduction ",
                          "update ",
                          "agree with ranks ",
                          "wait for work ",
                          "wait for input ",
                          "wait for ranks ",
                          "sum ",
                          "left over: idle ",
                          "threads x time "}) {
    EXPECT_NE(row_of(table, row), "") << row << "\n" << table;
  }
  EXPECT_EQ(row_of(table, "conv1          bprop "), "");

  double milliseconds = 0, share = 0, rate = 0, of_peak = 0;
  const std::string row = row_of(table, "linear1        grad  ");
  ASSERT_EQ(std::sscanf(row.c_str(), "%lf %lf %% %lf %lf %%", &milliseconds, &share, &rate, &of_peak), 4)
      << row;
  const double seconds = times.seconds(Activity::kGrad, 4);
  const double flops = 2.0 * 300 * 16 * kSamples;  // on 4 channels of 2 x 2
  EXPECT_NEAR(milliseconds, 1e3 * seconds / 4, 0.0006);
  EXPECT_NEAR(rate, 1e-9 * flops / seconds, 0.06);
  EXPECT_NEAR(of_peak, 100 * flops / seconds / kPeak, 0.06);
  EXPECT_NEAR(share, 100 * seconds / (2 * times.step_seconds()), 0.06);
  EXPECT_NE(row.find("own kernel: several microbatches at once"), std::string::npos) << row;
  const std::string separate = time_table(run.trainer.model().network, times, {16, false, kSamples, kPeak});
  EXPECT_NE(row_of(separate, "linear1        grad  ").find("sgemm: 300x16, 16 deep"), std::string::npos);
}

class TraceTest : public ::testing::Test {
 protected:
  // The trace of a run that was to trace a step; of 3 threads.
  std::string trace_of(Options options, int64_t step) const {
    SmallRun run(std::move(options), 3);
    TraceRecorder recorder(folder_ / "trace.json", step, run.trainer.model().network, 3, *run.group);
    run.trainer.run(test::stop_signals(), nullptr, &recorder);
    recorder.finish();
    return test::bytes_of(folder_ / "trace.json");
  }
  test::Folder folder_;
};

TEST_F(TraceTest, IsOfTheStepThatIsAskedForOrTheLast) {
  EXPECT_NE(trace_of(steps(4), 2).find("\"name\":\"step 1\""), std::string::npos);
  EXPECT_NE(trace_of(steps(4), 4).find("\"name\":\"step 3\""), std::string::npos);
  const std::string last = trace_of(steps(4), 10);
  EXPECT_NE(last.find("\"name\":\"step 3\""), std::string::npos);
  EXPECT_EQ(last.find("\"name\":\"step 2\""), std::string::npos);
}

TEST_F(TraceTest, NamesSpansByLayerAndThreadsByNumber) {
  Options options = steps(1);
  options.layers[0].line += " name=say\"\\";
  const std::string trace = trace_of(options, 1);
  for (const char* part :
       {R"({"name":"say\"\\ fprop","cat":"fprop","ph":"X","pid":0,"tid":)", "\"microbatch 3\"",
        "\"linear2 grad\"", "\"update\"", R"("args":{"name":"thread 2"})", R"("args":{"name":"rank 0"})"}) {
    EXPECT_NE(trace.find(part), std::string::npos) << part << "\n" << trace;
  }
}

TEST_F(TraceTest, TakesTheEventsOfSeveralRanks) {
  SmallRun run(steps(1));
  LastStep last(2);
  run.trainer.run(test::stop_signals(), nullptr, &last);
  const auto& network = run.trainer.model().network;
  const int64_t origin = beginning(last.recording);
  // The second began 3.25 microseconds before rank 0.
  const std::string file = trace_file({trace_events(last.recording, network, 0, origin),
                                       trace_events(last.recording, network, 1, origin + 3250)});
  for (const char* part : {"},\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1",
                           "\"pid\":0,\"tid\":0,\"ts\":0.000,", "\"pid\":1,\"tid\":0,\"ts\":-3.250,"}) {
    EXPECT_NE(file.find(part), std::string::npos) << part << "\n" << file;
  }
}

TEST_F(TraceTest, ThatCannotBeWrittenIsAnErrorThatNamesTheFile) {
  SmallRun run(steps(1));
  TraceRecorder recorder(folder_ / "nowhere/trace.json", 1, run.trainer.model().network, 2, *run.group);
  test::expect_error([&] { run.trainer.run(test::stop_signals(), nullptr, &recorder); },
                     {"nowhere/trace.json", "does not exist"});
}

}  // namespace
}  // namespace lockstep::train
