// selftest: the single-node test mode. What it finds about the machine, and whether this build keeps its
// promises here.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>

#include "commands.h"
#include "default_configuration.h"
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

  void line(const std::string& words) const {
    if (prints_) std::printf("%s\n", words.c_str());
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

std::string core_list(const std::vector<int>& cores) {
  std::string list;
  for (const int core : cores) list += (list.empty() ? "" : ",") + std::to_string(core);
  return list;
}

void report_machine(comm::Group& group, Report& report) {
  const auto placements = comm::placements(group);
  report.line(text("lockstep ", kVersion, ", ", kernels::library_version(), " for ",
                   kernels::instruction_set(), ", ", comm::library_version(), ", ", kCompiler));
  report.line("rank  host                  cores it may use      threads  ranks on this host");
  for (size_t r = 0; r < placements.size(); ++r) {
    const comm::Placement& p = placements[r];
    char row[256];
    std::snprintf(row, sizeof row, "%4zu  %-20s  %-20s  %7d  %d", r, p.host.c_str(),
                  core_list(p.cores).c_str(), p.fair_threads, p.ranks_on_host);
    report.line(row);
  }
  const comm::Placement& first = placements[0];
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  std::set<int> used;
  for (const auto& p : placements) {
    if (p.host == first.host) used.insert(p.cores.begin(), p.cores.end());
  }
  const bool shared =
      std::any_of(placements.begin(), placements.end(), [](const auto& p) { return p.cores_are_shared; });
  if (shared) {
    report.line(
        "advice  some ranks share a core, so each waits for the other: start at most one rank a core, or let "
        "mpirun spread them with --map-by core --bind-to core");
  }
  if (static_cast<long>(used.size()) < cores && !shared) {
    report.line(text("advice  the ranks on ", first.host, " may use ", used.size(), " of its ", cores,
                     " cores: give each more with mpirun --map-by slot:PE=",
                     std::max(1L, cores / first.ranks_on_host), " --bind-to core, or --bind-to none"));
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
  kernels::use_one_thread();
  check_gradients(report);
  check_allreduce(context.group, report);
  check_invariance(context.group, context.signals, report);
  report.line(report.failures() == 0 ? "all is well" : text(report.failures(), " checks failed"));
  return report.failures() == 0 ? 0 : 1;
}

}  // namespace lockstep::app
