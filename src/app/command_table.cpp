// The one table of commands, and what they read of the command line.
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "commands.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"

namespace lockstep::app {

namespace {

const Key kOutput = {"output", "where to (a file)"};
const Key kPatches = {"patches",
                      "\"random SIZE count=N\", \"dense SIZE stride=1\" or \"interest SIZE count=50 "
                      "threshold=0.03\" (around at most so many points a picture)"};
const Key kContrast = {
    "contrast",
    "each sample to (x - mean) / sqrt(variance + C), on the scale of the stored numbers: 10 "
    "for bytes"};
const Key kWhiten = {"whiten",
                     "\"zca\" or \"pca\", then epsilon=E, and components=K or retain=SHARE of the variance"};
const Key kInvert = {
    "invert",
    "the way back, by what this file of prepare's holds: DATASET itself, or the file that DATASET "
    "reconstructs"};
const Key kComponents = {"components", "30: of the code"};
const Key kTrace = {"trace", "what each thread does in one step, for ui.perfetto.dev (a file)"};
const Key kTraceStep = {"trace-step",
                        "10: which, counted from this run's first; the last where it ends before (a whole "
                        "number, 1 or more)"};

std::vector<Command> make_table() {
  return {
      {"train",
       "trainer [train] [CONFIG] [--key value ...]",
       "train; without CONFIG: LeNet on generated digits",
       true,
       {kTrace, kTraceStep},
       train_command},
      {"time",
       "trainer time [CONFIG] [--steps N] [--key value ...]",
       "where a step's time goes, layer by layer; --steps: how many to time, else some 3 s",
       true,
       {},
       time_command},
      {"resume",
       "trainer resume CHECKPOINT [--key value ...]",
       "go on, on any number of ranks and threads",
       true,
       {kTrace, kTraceStep},
       resume_command},
      {"evaluate",
       "trainer evaluate CHECKPOINT [DATASET]",
       "loss and error on the test split",
       true,
       {},
       evaluate_command},
      {"cluster",
       "trainer cluster DATASET --centres K --output CHECKPOINT [--iterations N]",
       "K-means: a checkpoint like those of training, for encode, reconstruct, report, resume",
       true,
       {{"centres", "how many (a whole number, 1 or more)"},
        {"iterations", "100: at most so many of Lloyd's (a whole number, 0 or more)"},
        kOutput},
       cluster_command},
      {"prepare",
       "trainer prepare DATASET --output F [--patches ...] [--contrast C] [--whiten ...] [--invert F]",
       "patches, contrast normalisation, whitening by the training split; --invert: the way back",
       true,
       {kOutput, kPatches, kContrast, kWhiten, kInvert},
       prepare_command},
      {"pca",
       "trainer pca DATASET [--components K] [--output F]",
       "squared error of the best linear code, fitted on the training split",
       true,
       {kOutput, kComponents},
       pca_command},
      {"features",
       "trainer features CONFIG --output F",
       "learn = on patches, encode pictures, pool: a dataset F, on which the layers are trained",
       true,
       {kOutput, kPatches, kContrast, kWhiten},
       features_command},
      {"import",
       "trainer import FORMAT SOURCE... --output F",
       "idx or cifar10 into one HDF5 dataset",
       false,
       {kOutput},
       import_command},
      {"generate",
       "trainer generate NAME --output F",
       "a procedural dataset (digits)",
       true,
       {kOutput},
       generate_command},
      {"inspect", "trainer inspect FILE", "what a dataset or checkpoint holds", false, {}, inspect_command},
      {"diff",
       "trainer diff A B",
       "two checkpoints: same bits, or where they differ first",
       false,
       {},
       diff_command},
      {"selftest",
       "trainer selftest",
       "gradients, invariance, MPI, binding; under 30 s",
       false,
       {},
       selftest_command},
  };
}

template <class Number>
Number number_setting(const Context& context, const std::string& key, Number lowest, Number highest,
                      Number fallback, const char* kind) {
  if (!was_given(context, key)) return fallback;
  const std::string value = setting(context, key, "");
  Number number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole_text = error == std::errc() && end == value.data() + value.size();
  if (whole_text && number >= lowest && number <= highest) return number;
  fail_usage("the command line: ", key, " = ", value, " cannot be used; expected ", kind, " from ", lowest,
             " to ", highest);
}

}  // namespace

bool Command::has_key(const std::string& key) const {
  return std::any_of(keys.begin(), keys.end(), [&](const Key& k) { return k.name == key; });
}

const std::vector<Command>& commands() {
  static const std::vector<Command> table = make_table();
  return table;
}

const std::vector<std::string>& command_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> names = {"help", "version"};
    for (const Command& command : commands()) {
      for (const Key& key : command.keys) {
        if (std::find(names.begin(), names.end(), key.name) == names.end()) names.push_back(key.name);
      }
    }
    return names;
  }();
  return keys;
}

void require_words(const Context& context, size_t fewest, size_t most, const std::string& usage) {
  const size_t words = context.arguments.words.size();
  if (words >= fewest && words <= most) return;
  fail_usage("this command takes ", fewest == most ? text(fewest) : text(fewest, " to ", most), " word(s), ",
             words, words == 1 ? " was" : " were", " given; usage: ", usage);
}

void require_run_options(const Context& context, const std::vector<std::string>& read,
                         const std::string& usage) {
  for (const auto& [key, value] : context.arguments.settings) {
    const auto& own = command_keys();
    if (std::find(own.begin(), own.end(), key) != own.end()) continue;
    if (std::find(read.begin(), read.end(), key) != read.end()) continue;
    fail_usage("the command line: nothing reads --", key, " here; usage: ", usage);
  }
}

std::string setting(const Context& context, const std::string& key, const std::string& fallback) {
  std::string value = fallback;
  for (const auto& [name, given] : context.arguments.settings) {
    if (name == key) value = given;
  }
  return value;
}

bool was_given(const Context& context, const std::string& key) { return !setting(context, key, "").empty(); }

int64_t whole_setting(const Context& context, const std::string& key, int64_t lowest, int64_t highest,
                      int64_t fallback) {
  return number_setting(context, key, lowest, highest, fallback, "a whole number");
}

double real_setting(const Context& context, const std::string& key, double lowest, double highest,
                    double fallback) {
  return number_setting(context, key, lowest, highest, fallback, "a number");
}

std::string required_output(const Context& context) {
  const std::string output = setting(context, "output", "");
  if (output.empty())
    fail_usage("there is no file to write to; add --output FILE, such as --output datasets/mnist.h5");
  return output;
}

void announce(const Context& context, const std::string& line) {
  if (context.group.rank() != 0) return;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int on_first_rank(const Context& context, const std::function<int()>& action) {
  int code = 0;
  comm::together(context.group, [&] {
    if (context.group.rank() == 0) code = action();
  });
  context.group.broadcast(&code, sizeof code, 0);
  return code;
}

}  // namespace lockstep::app
