#include "session.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>

#include "agreement.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"
#include "lockstep/core/memory.h"
#include "lockstep/core/version.h"
#include "lockstep/data/preprocessing.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/train/evaluate.h"
#include "lockstep/train/start.h"
#include "model_session.h"

namespace lockstep::app {

namespace {

std::string threads_text(const std::vector<comm::Placement>& placements, int threads) {
  return text(placements.size(), placements.size() == 1 ? " rank x " : " ranks x ", threads,
              threads == 1 ? " thread" : " threads");
}

// " (256 after 10 epochs)": what the minibatch changes to.
std::string later_batches(const BatchSizes& sizes) {
  std::string result;
  for (const BatchSizes::Phase& phase : sizes.phases()) {
    if (phase.after == 0) continue;
    result += text(result.empty() ? " (" : ", ", phase.samples, " after ", phase.after,
                   phase.after == 1 ? " epoch" : " epochs");
  }
  return result.empty() ? "" : result + ")";
}

}  // namespace

int64_t memory_now() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t memory_peak() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

Session::Session(comm::Group& group, const Options& options, const std::string& configuration,
                 const std::string& command, train::RunKind kind)
    : group_(group), options_(options), placements_(comm::placements(group)) {
  // Before the ranks meet below, so that none has begun to take its share.
  const int64_t available = available_memory();
  require_same_setup(group, options);
  const comm::Placement& here = placements_[static_cast<size_t>(group.rank())];
  dataset_ = data::open_dataset(options_, group_, here.ranks_on_host);
  if (kind == train::RunKind::kTiming) {  // an evaluation at an epoch's end is no part of a step
    dataset_.test.reset();
    dataset_.validation.reset();
  }
  require_same_dataset(group, dataset_);
  if (!options_.stack_on.empty()) stack();
  const int threads = options.threads > 0 ? static_cast<int>(options.threads) : here.fair_threads;
  require_memory(threads, available, kind);
  comm::together(group, [&] {
    workers_ = std::make_unique<parallel::Workers>(threads, kernels::use_one_thread);
    trainer_ = std::make_unique<train::Trainer>(options_, configuration, command, dataset_, group_,
                                                placements_, *workers_);
  });
  facts_ = comm::examine(group, placements_, threads, kernels::instruction_set());
}

void Session::stack() {
  const train::Checkpoint below = read_together(group_, options_.stack_on);
  comm::together(group_,
                 [&] { options_ = train::stacked(options_, below, options_.stack_on, dataset_.info); });
}

void Session::start() {
  for (const std::string& path : train::start_files(options_)) {
    const train::Checkpoint checkpoint = read_together(group_, path);
    comm::together(group_, [&] { trainer_->start_from(checkpoint, path); });
  }
}

void Session::require_memory(int threads, int64_t available, train::RunKind kind) {
  std::optional<train::Model> model;
  const dist::Teams teams(group_);
  comm::together(group_, [&] {
    model = train::make_model(options_, dataset_.info);
    estimate_ = train::estimate_memory(options_, dataset_, *model, threads, teams, group_.rank(), kind);
  });
  train::require_memory(*model, group_, placements_, {estimate_, available});
}

void Session::print_start() const {
  if (group_.rank() != 0) return;
  const auto& network = trainer_->model().network;
  const int64_t microbatches = trainer_->plan_of_step(0).microbatches();
  const int64_t learned = network.layout().learned_count();
  const std::string fixed = learned == network.layout().count() ? "" : text(" (", learned, " learn)");
  std::printf("lockstep %s: %ld parameters%s, %s, batch %ld = %ld microbatches of %ld%s, %s, %ld steps\n",
              kVersion, static_cast<long>(network.layout().count()), fixed.c_str(),
              threads_text(placements_, workers_->threads()).c_str(),
              static_cast<long>(trainer_->order().batch_of(0)), static_cast<long>(microbatches),
              static_cast<long>(trainer_->microbatch()), later_batches(options_.batch_size).c_str(),
              dataset_.name.c_str(), static_cast<long>(trainer_->total_steps()));
  if (options_.reduction == "mpi") {
    std::printf("reduction mpi: the sums are in MPI's order, so bits may change with the number of ranks\n");
  }
  std::fputs(comm::start_table(facts_).c_str(), stdout);
  std::fflush(stdout);
  print_warnings();
}

void Session::print_warnings() const {
  app::print_warnings(group_, facts_);
  if (group_.rank() == 0 && dataset_.rereads) {
    std::fprintf(
        stderr,
        "trainer: warning: the dataset stays in %s, and every sample of its shuffle is a read of about a "
        "megabyte; with shuffle = blocks 512 x 16 or the like each block is read once an epoch\n",
        options_.dataset.c_str());
  }
  const std::vector<int64_t> batches = trainer_->order().whole_batches();
  const int64_t fewest = *std::min_element(batches.begin(), batches.end());
  const int64_t microbatches = dist::Plan(fewest, trainer_->microbatch(), group_.size()).microbatches();
  if (group_.rank() == 0 && group_.size() > microbatches) {
    std::fprintf(stderr,
                 "trainer: warning: %d ranks share %ld microbatches in a step of %ld samples, so %ld of them "
                 "have nothing to do; start fewer ranks, lower --microbatch or raise --batch-size\n",
                 group_.size(), static_cast<long>(microbatches), static_cast<long>(fewest),
                 static_cast<long>(group_.size() - microbatches));
  }
}

std::string Session::score_line() {
  const auto [name, split] = train::scored_split(dataset_);
  const train::Score score = trainer_->evaluate(split);
  if (!std::isfinite(score.loss)) {
    const std::string spoiled = trainer_->spoiled_parameters();
    throw comm::AgreedError(text("the ", name, " loss is ", score.loss, " after step ",
                                 trainer_->state().step, spoiled.empty() ? "" : ", ", spoiled,
                                 spoiled.empty() ? "" : " being infinite or NaN",
                                 ": the run has diverged; start again with a lower --learning-rate, a longer "
                                 "--warmup-steps or --clip-norm, or go on from an earlier checkpoint"));
  }
  const bool rate = trainer_->model().classifies();
  char line[160];
  std::snprintf(line, sizeof line, rate ? "%s error %.2f %% loss %.4f" : "%s squared-error %.4f loss %.4f",
                name.c_str(), rate ? 100 * score.error : score.error, score.loss);
  return line + data::views_text(trainer_->model().both_views);
}

std::string Session::shared_memory_text() const {
  if (dataset_.held_by == 1 || dataset_.memory_bytes == 0) return "";
  return text("; the dataset's ", bytes_text(dataset_.memory_bytes), " of it are there once for the ",
              dataset_.held_by, " ranks of the host");
}

void Session::print_end(const train::Outcome& outcome, int64_t memory_at_start) {
  const std::string score = score_line();
  const std::string digest = trainer_->digest();
  if (group_.rank() != 0) return;
  std::printf("memory of rank 0: estimated %s, measured at most %s%s\n",
              bytes_text(memory_at_start + estimate_.total()).c_str(), bytes_text(memory_peak()).c_str(),
              shared_memory_text().c_str());
  const double seconds = outcome.seconds > 0 ? outcome.seconds : 1;
  const auto percent = [&](double part) { return 100 * part / seconds; };
  const double known = outcome.compute + outcome.reduction + outcome.input + outcome.saving;
  std::printf("communication: %.1f %% of the time waited for, %.1f %% hidden behind computing\n",
              percent(outcome.reduction), percent(outcome.hidden));
  if (outcome.checkpoints > 0) {
    const double count = static_cast<double>(outcome.checkpoints);
    std::printf("checkpoints: %ld, for each training stood still %.2f ms; writing took %.2f ms beside it\n",
                static_cast<long>(outcome.checkpoints), 1e3 * outcome.stalled / count,
                1e3 * outcome.writing / count);
  }
  std::printf("%s\n", score.c_str());
  std::printf(
      "%.0f samples/s: compute %.0f %%, reduction %.0f %%, input %.0f %%, checkpoint %.0f %%, other %.0f "
      "%%\n",
      outcome.samples / seconds, percent(outcome.compute), percent(outcome.reduction), percent(outcome.input),
      percent(outcome.saving), percent(std::max(outcome.seconds - known, 0.0)));
  std::printf("digest %s\n", digest.c_str());
  std::fflush(stdout);
}

}  // namespace lockstep::app
