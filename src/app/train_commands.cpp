// train, resume and evaluate.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "commands.h"
#include "default_configuration.h"
#include "distinct_files.h"
#include "lockstep/comm/group.h"
#include "lockstep/comm/stall.h"
#include "lockstep/core/error.h"
#include "lockstep/core/version.h"
#include "lockstep/io/lock.h"
#include "lockstep/io/replace.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/train/start.h"
#include "lockstep/train/trace.h"
#include "model_session.h"
#include "session.h"

namespace lockstep::app {

namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  if (!file || content.str().empty()) {
    fail_usage(path, ": this configuration cannot be read or is empty; expected a file of lines key = value");
  }
  return content.str();
}

// A checkpoint that cannot be written shall be known before hours of training.
void check_checkpoint_options(const Options& options) {
  const bool asked =
      options.checkpoint_steps > 0 || options.checkpoint_epochs > 0 || options.checkpoint_minutes > 0;
  if (asked && options.checkpoint.empty()) {
    fail_usage(
        "checkpoints are asked for (checkpoint-steps, -epochs or -minutes), but there is no file to write; "
        "add "
        "--checkpoint FILE");
  }
  if (!options.checkpoint.empty()) io::Replacement probe(options.checkpoint);
}

// Rank 0's claim on the checkpoint that the run writes; null where it writes none.
std::unique_ptr<io::Lock> claim_checkpoint(const Context& context, const Options& options) {
  if (options.checkpoint.empty() || context.group.rank() != 0) return nullptr;
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  return std::make_unique<io::Lock>(
      options.checkpoint, text("process ", getpid(), " on host ", host, ": ", context.command_line));
}

// Collective. What tells people of a stall, as long as it lives; null where nobody is to watch.
std::unique_ptr<comm::StallWatch> watch_over(const Context& context, Session& session) {
  const double limit = session.options().stall_timeout;
  if (limit == 0) return nullptr;
  train::Trainer& trainer = session.trainer();
  const auto advice = [&trainer] {
    const std::string checkpoint = trainer.last_checkpoint();
    if (!checkpoint.empty()) return "All ranks are ended. Go on with: trainer resume " + checkpoint;
    return text("All ranks are ended. This run has written no checkpoint; next time add ",
                trainer.salvage() == nullptr ? "--checkpoint FILE and " : "", "--checkpoint-minutes M");
  };
  return context.group.watch({trainer.whereabouts(), limit, session.placements(), trainer.salvage(), advice});
}

// What --trace asks for; a file that cannot be written shall be known before training.
std::unique_ptr<train::TraceRecorder> trace_recorder(const Context& context, Session& session) {
  const std::string path = setting(context, "trace", "");
  const int64_t number = whole_setting(context, "trace-step", 1, int64_t{1} << 32, 10);
  if (path.empty() && was_given(context, "trace-step")) {
    fail_usage("the command line: nothing reads trace-step without a file to write; add --trace FILE");
  }
  if (path.empty()) return nullptr;
  if (context.group.rank() == 0) io::Replacement probe(path);
  return std::make_unique<train::TraceRecorder>(path, number, session.trainer().model().network,
                                                session.threads(), context.group);
}

// `read`: what it reads beside the dataset: a configuration, checkpoints.
int run_to_the_end(const Context& context, Session& session, std::vector<NamedFile> read) {
  std::unique_ptr<train::TraceRecorder> trace;
  std::unique_ptr<io::Lock> claim;
  comm::together(context.group, [&] {
    const Options& options = session.options();
    read.push_back({"the dataset", options.dataset});
    require_distinct({{"the checkpoint", options.checkpoint}, {"the trace", setting(context, "trace", "")}},
                     read);
    if (context.group.rank() == 0) check_checkpoint_options(options);
    claim = claim_checkpoint(context, options);
    trace = trace_recorder(context, session);
  });
  session.print_start();
  const int64_t done = session.trainer().state().step;
  if (done > 0 && done >= session.trainer().total_steps() && context.group.rank() == 0) {
    std::printf("nothing to do: the run is finished after step %ld; go further with --epochs or --steps\n",
                static_cast<long>(done));
  }
  train::Outcome outcome;
  {
    const auto stall_watch = watch_over(context, session);
    train::ProgressPrinter printer(context.group.rank() == 0 && train::output_is_terminal());
    outcome = session.trainer().run(context.signals, &printer, trace.get());
  }
  if (trace) trace->finish();
  if (outcome.stopped_by != 0 && context.group.rank() == 0) {
    const std::string how =
        outcome.checkpoint.empty()
            ? std::string("no checkpoint was asked for, so this run cannot go on; add --checkpoint FILE")
            : "go on with: trainer resume " + outcome.checkpoint;
    std::printf("stopped by %s after step %ld of %ld; %s\n", train::signal_name(outcome.stopped_by),
                static_cast<long>(session.trainer().state().step),
                static_cast<long>(session.trainer().total_steps()), how.c_str());
    std::fflush(stdout);
  }
  if (outcome.stopped_by == 0) session.print_end(outcome, context.memory_at_start);
  return 0;
}

// The dataset must be the one that the checkpoint was made with, unless another is asked for; another
// instruction set or compiler is worth a warning.
void check_provenance(const Context& context, const train::Checkpoint& checkpoint, const Session& session) {
  for (const auto& [name, was] : checkpoint.provenance) {
    const std::string& dataset = session.options().dataset;
    const std::string& now = session.dataset().digest;
    if (name == "dataset_digest" && was != now && !was.empty() && !now.empty() &&
        !was_given(context, "dataset")) {
      fail(dataset, ": the dataset has changed since the checkpoint was made (digest ", now, ", was ", was,
           "); restore it, or say --dataset ", dataset, " to go on with it as it is");
    }
    const bool other = (name == "instruction_set" && was != kernels::instruction_set()) ||
                       (name == "compiler" && was != kCompiler) || (name == "version" && was != kVersion);
    if (other && context.group.rank() == 0) {
      std::fprintf(stderr,
                   "trainer: warning: the checkpoint was made with another %s (%s), so from here on bits may "
                   "differ from those of the uninterrupted run\n",
                   name.c_str(), was.c_str());
    }
  }
}

}  // namespace

Options read_options(const Context& context, const std::string& usage, std::string& configuration,
                     bool learns_features) {
  Options options;
  configuration = kDefaultConfiguration;
  comm::together(context.group, [&] {
    require_words(context, learns_features ? 1 : 0, 1, usage);
    std::string name = "the built-in configuration";
    if (!context.arguments.words.empty()) {
      name = context.arguments.words[0];
      configuration = read_text(name);
    }
    apply_configuration(options, configuration, name);
    apply_settings(options, context.arguments,
                   learns_features ? std::vector<std::string>{"output"} : command_keys());
    check_unused(options, learns_features);
  });
  return options;
}

int train_to_the_end(const Context& context, const Options& options, const std::string& configuration) {
  Session session(context.group, options, configuration, context.command_line);
  session.start();
  const auto& words = context.arguments.words;
  std::vector<NamedFile> read = {{"the configuration", words.empty() ? "" : words[0]}};
  for (const std::string& file : train::start_files(session.options()))
    read.push_back({"a checkpoint that the run starts from", file});
  return run_to_the_end(context, session, read);
}

int train_command(const Context& context) {
  std::string configuration;
  const Options options = read_options(context, commands()[0].usage, configuration);
  return train_to_the_end(context, options, configuration);
}

int resume_command(const Context& context) {
  comm::together(context.group,
                 [&] { require_words(context, 1, 1, "trainer resume CHECKPOINT [--key value ...]"); });
  const std::string path = context.arguments.words[0];
  // Let go as soon as the trainer has what is in it.
  auto checkpoint = std::make_unique<train::Checkpoint>(read_together(context.group, path));
  Options options;
  comm::together(context.group, [&] { options = options_of(*checkpoint, context, path); });
  Session session(context.group, options, checkpoint->configuration, context.command_line);
  comm::together(context.group, [&] {
    check_provenance(context, *checkpoint, session);
    session.trainer().restore(*checkpoint, path);
  });
  checkpoint.reset();
  // Only the run's next checkpoint may replace the one that it goes on from.
  const bool replaced = same_file(path, options.checkpoint);
  return run_to_the_end(context, session,
                        {{"the checkpoint that the run goes on from", replaced ? "" : path}});
}

int evaluate_command(const Context& context) {
  comm::together(context.group,
                 [&] { require_words(context, 1, 2, "trainer evaluate CHECKPOINT [DATASET]"); });
  const std::string path = context.arguments.words[0];
  const train::Checkpoint checkpoint = read_together(context.group, path);
  Options options;
  comm::together(context.group, [&] {
    options = options_of(checkpoint, context, path);
    if (context.arguments.words.size() == 2) options.dataset = context.arguments.words[1];
  });
  Session session(context.group, options, checkpoint.configuration, context.command_line,
                  train::RunKind::kEvaluation);
  comm::together(context.group, [&] { session.trainer().restore_parameters(checkpoint, path); });
  const std::string line = session.score_line();
  if (context.group.rank() == 0)
    std::printf("%s\ndigest %s\n", line.c_str(), session.trainer().digest().c_str());
  return 0;
}

}  // namespace lockstep::app
