#include "lockstep/train/time_table.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace lockstep::train {

namespace {

using kernels::LayerWork;
using kernels::Work;

struct Direction {
  Activity activity;
  Work LayerWork::*work;
};
constexpr Direction kDirections[] = {{Activity::kFprop, &LayerWork::fprop},
                                     {Activity::kBprop, &LayerWork::bprop},
                                     {Activity::kGrad, &LayerWork::grad}};

// What is no layer's, in the order of the table.
struct Part {
  const char* name;
  std::vector<Activity> activities;
};
const std::vector<Part>& other_work() {
  static const std::vector<Part> table = {
      {"unpack input", {Activity::kUnpack}},
      {"loss", {Activity::kLoss}},
      {"microbatch, the rest", {Activity::kMicrobatch}},
      {"merge gradients", {Activity::kMergeTree}},
      {"reduction", {Activity::kReduction, Activity::kReduce}},
      {"update", {Activity::kUpdate}},
  };
  return table;
}
const std::vector<Part>& waits() {
  static const std::vector<Part> table = {
      {"wait for input", {Activity::kAwaitInput}},
      {"wait for work", {Activity::kAwaitWork}},
      {"agree with ranks", {Activity::kAgree}},
      {"wait for ranks", {Activity::kAwaitRanks}},
  };
  return table;
}

class Table {
 public:
  Table(const StepTimes& times, int width) : times_(times), width_(width) {
    line("%-*s %-6s %9s %7s %9s %8s  %s", width_, "layer", "", "ms/step", "share", "GFLOP/s", "of peak",
         "kernel");
  }

  void layer(const std::string& name, Activity activity, double seconds, double flops, double peak,
             const std::string& kernel) {
    sum_ += seconds;
    line("%-*s %-6s %9.3f %5.1f %% %9.1f %6.1f %%  %s", width_, name.c_str(), activity_name(activity),
         milliseconds(seconds), percent(seconds), flops / seconds * 1e-9, 100 * flops / seconds / peak,
         kernel.c_str());
  }
  void parts(const std::vector<Part>& parts) {
    for (const Part& part : parts) {
      double seconds = 0;
      for (const Activity activity : part.activities) seconds += times_.seconds(activity);
      sum_ += seconds;
      row(part.name, seconds);
    }
  }
  void sum() { row("sum", sum_); }
  void left_over() {
    const double all = times_.step_seconds() * times_.threads();
    row("left over: idle", std::max(all - sum_, 0.0));
    row("threads x time", all);
  }
  const std::string& text() const { return text_; }

 private:
  void row(const char* name, double seconds) {
    line("%-*s %9.3f %5.1f %%", width_ + 7, name, milliseconds(seconds), percent(seconds));
  }
  double milliseconds(double seconds) const { return 1e3 * seconds / static_cast<double>(times_.steps()); }
  double percent(double seconds) const { return 100 * seconds / (times_.step_seconds() * times_.threads()); }

  template <class... Values>
  void line(const char* format, Values... values) {
    const int length = std::snprintf(nullptr, 0, format, values...);
    std::string text(static_cast<size_t>(length) + 1, '\0');
    std::snprintf(text.data(), text.size(), format, values...);
    text.back() = '\n';
    text_ += text;
  }

  const StepTimes& times_;
  int width_;
  double sum_ = 0;
  std::string text_;
};

}  // namespace

std::string time_table(const nn::Network& network, const StepTimes& times, const Conditions& conditions) {
  size_t width = 14;  // as the longest part needs it
  for (const nn::Node& node : network.nodes()) width = std::max(width, node.name.size());
  Table table(times, static_cast<int>(width));
  for (size_t i = 0; i < network.nodes().size(); ++i) {
    const nn::Node& node = network.nodes()[i];
    LayerWork work = node.layer->work(conditions.columns);
    if (node.joint && conditions.joint_gradients) work.grad = work.joint_grad;
    for (const Direction& direction : kDirections) {
      const double seconds = times.seconds(direction.activity, static_cast<int64_t>(i));
      if (seconds <= 0) continue;
      const Work& here = work.*direction.work;
      table.layer(node.name, direction.activity, seconds, here.flops * conditions.samples,
                  conditions.peak_flops, here.kernel);
    }
  }
  table.parts(other_work());
  table.sum();
  table.parts(waits());
  table.left_over();
  return table.text();
}

}  // namespace lockstep::train
