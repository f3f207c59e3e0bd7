// selftest: the single-node test mode. What it finds about the machine, and whether this build keeps its
// promises here.
#include <cstdio>
#include <functional>
#include <set>

#include "commands.h"
#include "default_configuration.h"
#include "lockstep/comm/clock.h"
#include "lockstep/comm/doctor.h"
#include "lockstep/comm/group.h"
#include "lockstep/comm/placement.h"
#include "lockstep/core/error.h"
#include "lockstep/core/version.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/nn/gradient_check.h"
#include "lockstep/nn/layer_table.h"
#include "session.h"

namespace lockstep::app {

namespace {

// Prints on rank 0, and counts failures.
class Report {
 public:
  explicit Report(comm::Group& group) : prints_(group.rank() == 0) {}

  void line(const std::string& words) const { lines(words + "\n"); }
  void lines(const std::string& words) const {
    if (prints_) std::fputs(words.c_str(), stdout);
  }
  void check(const std::string& what, bool holds, const std::string& detail) {
    line(text(holds ? "ok      " : "FAILED  ", what, detail.empty() ? "" : ": ", detail));
    if (!holds) ++failures_;
  }
  int failures() const { return failures_; }

 private:
  bool prints_;
  int failures_ = 0;
};

void report_machine(comm::Group& group, Report& report) {
  const auto placements = comm::placements(group);
  const int threads = placements[static_cast<size_t>(group.rank())].fair_threads;
  report.line(text("lockstep ", kVersion, ", ", kernels::library_version(), ", ", comm::library_version(),
                   ", ", kCompiler));
  const auto facts = comm::examine(group, placements, threads, kernels::instruction_set());
  report.lines(comm::doctor_table(facts));
  for (const std::string& warning : comm::doctor_warnings(facts)) report.line("advice  " + warning);
}

// From rank 0 to one rank of each other host, and to its neighbour.
void report_messages(comm::Group& group, Report& report) {
  constexpr int64_t kBytes = 1 << 20;
  const auto placements = comm::placements(group);
  const auto rates = comm::message_rates(group, kBytes);
  std::set<std::string> told;
  for (size_t r = 1; r < rates.size(); ++r) {
    if (!told.insert(placements[r].host).second) continue;
    char line[400];
    std::snprintf(line, sizeof line, "messages of 1 MB between rank 0 and rank %zu on %s: %.2f GB/s", r,
                  placements[r].host.c_str(), 1e-9 * rates[r]);
    report.line(line);
  }
}

void check_gradients(Report& report) {
  for (const nn::LayerType& type : nn::layer_table()) {
    double worst = -1;
    for (const nn::GradientCase& c : nn::gradient_cases()) {
      if (c.layer == type.name) worst = std::max(worst, nn::gradient_error(c));
    }
    report.check("gradient of " + type.name, worst >= 0 && worst < nn::kGradientTolerance,
                 text("largest relative difference ", worst));
  }
}

// A short training run; returns its digest.
std::string train_briefly(comm::Group& group, train::StopSignal& signals, int threads) {
  Options options;
  apply_configuration(options, kDefaultConfiguration, "the built-in configuration");
  apply_configuration(options,
                      "generate-train = 300\ngenerate-test = 0\nbatch-size = 90\nmicrobatch = 8\nsteps = 6\n",
                      "selftest");
  options.threads = threads;
  Session session(group, options, kDefaultConfiguration, "selftest");
  session.trainer().run(signals, nullptr);
  return session.trainer().digest();
}

void check_invariance(comm::Group& group, train::StopSignal& signals, Report& report) {
  const auto alone = comm::group_of_one();
  const std::string expected = train_briefly(*alone, signals, 1);
  for (const int threads : {2, 3, 4}) {
    const std::string digest = train_briefly(*alone, signals, threads);
    report.check(text("the same bits with ", threads, " threads as with 1"), digest == expected, digest);
  }
  const std::string digest = train_briefly(group, signals, 1);
  report.check(text("the same bits on ", group.size(), group.size() == 1 ? " rank" : " ranks", " as on 1"),
               digest == expected, digest);
  comm::require_equal(group, "digest after training alone", expected,
                      "these hosts do not compute alike; run on one kind of processor");
}

void check_allreduce(comm::Group& group, Report& report) {
  constexpr int64_t kCount = 100003;
  std::vector<float> values(kCount);
  for (int64_t i = 0; i < kCount; ++i)
    values[static_cast<size_t>(i)] = static_cast<float>(group.rank() + 1 + i % 7);
  group.allreduce_sum(values.data(), kCount).wait();
  int64_t wrong = 0;
  const int64_t ranks = group.size();
  for (int64_t i = 0; i < kCount; ++i) {
    const float expected = static_cast<float>(ranks * (ranks + 1) / 2 + ranks * (i % 7));
    if (values[static_cast<size_t>(i)] != expected) ++wrong;
  }
  int64_t wrong_anywhere = 0;
  for (const auto& count : group.gather_texts(std::to_string(wrong))) wrong_anywhere += std::stoll(count);
  report.check(text("allreduce over ", ranks, ranks == 1 ? " rank" : " ranks"), wrong_anywhere == 0,
               wrong_anywhere == 0 ? "" : text(wrong_anywhere, " wrong sums"));
}

}  // namespace

int selftest_command(const Context& context) {
  comm::together(context.group, [&] { require_words(context, 0, 0, "trainer selftest"); });
  Report report(context.group);
  report_machine(context.group, report);
  report_messages(context.group, report);
  kernels::use_one_thread();
  check_gradients(report);
  check_allreduce(context.group, report);
  check_invariance(context.group, context.signals, report);
  report.line(report.failures() == 0 ? "all is well" : text(report.failures(), " checks failed"));
  return report.failures() == 0 ? 0 : 1;
}

}  // namespace lockstep::app
