// The one table of commands, and what they read of the command line.
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "commands.h"
#include "lockstep/analysis/pictures.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"
#include "lockstep/data/generate.h"

namespace lockstep::app {

namespace {

const Key kOutput = {"output", "where to (a file)"};
const Key kPatches = {"patches",
                      "\"random SIZE count=N\", \"dense SIZE stride=1\" or \"interest SIZE count=50 "
                      "threshold=0.03\" (around at most so many points a picture)"};
const Key kContrast = {
    "contrast",
    "each sample to (x - mean) / sqrt(variance + C), on the scale of the stored numbers: 10 "
    "for bytes (a number)"};
const Key kWhiten = {
    "whiten",
    "\"zca\" or \"pca\", then epsilon=E, and components=K or retain=SHARE of the variance (a whitening)"};
const Key kInvert = {
    "invert",
    "the way back, by what this file of prepare's holds: DATASET itself, or the file that DATASET "
    "reconstructs (a file)"};
const Key kComponents = {"components", "30: of the code (a whole number)"};
const Key kSplit = {"split", "only one of them: train, validation or test (default: all)"};
const Key kCode = {"code",
                   "the layer whose output is the code (default: the one named code, else the narrowest)"};
const Key kStart = {"start",
                    "mean: of the first split (the training samples, where there are some), or zero: where "
                    "line integrals begin (mean or zero)"};
const Key kConstants = {
    "constants",
    "the split that the constants are learned on: train or validation (default: validation "
    "where there is one)"};
const Key kNumbers = {"numbers", "residuals and filters of all units (an HDF5 file)"};
const Key kTrace = {"trace", "what each thread does in one step, for ui.perfetto.dev (a file)"};
const Key kTraceStep = {"trace-step",
                        "10: which, counted from this run's first; the last where it ends before (a whole "
                        "number, 1 or more)"};

const Key kShownSplit = {
    "split", "which samples: train, validation or test (default: test, else validation, else train)"};

std::string picture_names() {
  std::string names;
  for (const analysis::PictureKind& kind : analysis::picture_kinds())
    names += (names.empty() ? "" : ", ") + kind.name;
  return names;
}

std::vector<Key> dynamics_keys() {
  return {
      kOutput,
      kShownSplit,
      {"from", "data: where to start, at samples of the split or at noise like them (data or noise)"},
      {"points", "100: starts; of data at most as many as there are (a whole number, 1 or more)"},
      {"iterations", "1000: steps from each start at most (a whole number, 1 or more)"},
      {"tolerance", "1e-6: at rest where the root mean square of r(x) - x is at most that (a number)"},
      {"merge", "1e-3: fixed points at most so far apart, root mean square, are one (a number)"},
      {"searches", "10: starts of Newton's method, which finds unstable fixed points too (a whole number)"},
      {"spectra", "20: fixed points that get a spectrum, the largest basins first (a whole number)"},
      {"plane",
       "pca: through the mean along the principal components; axes:I,J or samples:I,J (from 0), file:F.h5 "
       "(its /directions, 2 x values) or none (a plane)"},
      {"grid", "25: places along each direction of the plane (a whole number, 2 to 1000)"},
      {"svg", "a drawing of the plane: energy, field, fixed points (a file)"},
  };
}

const Key kFrom = {
    "from",
    "a dataset with the digits of digits-..., 28x28, or the pictures of rectangles-image; without "
    "it they are drawn (a file)"};
const Key kBackground = {
    "background",
    "a dataset with the pictures behind digits-image-background; without it they are drawn (a file)"};
const Key kMinHalfplanes = {
    "min-halfplanes",
    text(data::kMinHalfplanes,
         ": of convex, the fewest that a convex set is the intersection of; 0 makes some all "
         "white (a whole number from 0 to ",
         data::kMostMinHalfplanes, ")")};

std::string generator_names() {
  std::string names;
  for (const data::Generator& generator : data::generators())
    names += (names.empty() ? "" : ", ") + generator.name;
  return names;
}

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
      {"encode",
       "trainer encode CHECKPOINT [DATASET] --output F [--code NAME]",
       "the codes of all samples as a dataset, and their statistics",
       true,
       {kOutput, kCode},
       encode_command},
      {"reconstruct",
       "trainer reconstruct CHECKPOINT [DATASET] --output F",
       "an autoencoder's reconstructions of all samples as a dataset, these as its targets",
       true,
       {kOutput},
       reconstruct_command},
      {"energy",
       "trainer energy CHECKPOINT [DATASET] [--output F] [--split test]",
       "an autoencoder's energy of every sample: in closed form, else by line integral",
       true,
       {kOutput, kSplit, kStart},
       energy_command},
      {"classify",
       "trainer classify CONFIG [--output F] [--key value ...]",
       "an autoencoder a class and a constant each: classification by the highest energy",
       true,
       {kOutput, kConstants},
       classify_command},
      {"cluster",
       "trainer cluster DATASET --centres K --output CHECKPOINT [--iterations N]",
       "K-means: a checkpoint like those of training, for encode, reconstruct, report, resume",
       true,
       {{"centres", "how many (a whole number, 1 or more)"},
        {"iterations", "100: at most so many of Lloyd's (a whole number, 0 or more)"},
        kOutput},
       cluster_command},
      {"dynamics", "trainer dynamics CHECKPOINT [DATASET] --output F.h5",
       "an autoencoder iterated: fixed points, basins, spectra, energy, its field on a plane", true,
       dynamics_keys(), dynamics_command},
      {"relation",
       "trainer relation CHECKPOINT [DATASET] --output F.png",
       "an autoencoder's decoder predicted from its encoder by the data's covariance",
       true,
       {kOutput, kNumbers, {"components", "all: of the covariance (a whole number)"}},
       relation_command},
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
       "a procedural dataset: " + generator_names(),
       true,
       {kOutput, kFrom, kBackground, kMinHalfplanes},
       generate_command},
      {"inspect",
       "trainer inspect FILE",
       "what a dataset, checkpoint or failed step holds",
       false,
       {},
       inspect_command},
      {"diff",
       "trainer diff A B",
       "two checkpoints: same bits, or where they differ first",
       false,
       {},
       diff_command},
      {"replay",
       "trainer replay FILE",
       "the step that ended a run with NaN, alone: what is not finite, layer by layer",
       false,
       {},
       replay_command},
      {"report",
       "trainer report CHECKPOINT --output page.html",
       "one HTML page: scores, curves, filters, reconstructions, code, configuration",
       true,
       {kOutput, kShownSplit, kCode},
       report_command},
      {"picture",
       "trainer picture CHECKPOINT KIND --output F.png",
       "one of its pictures, as PNG or SVG: " + picture_names(),
       true,
       {kOutput, kShownSplit, kCode},
       picture_command},
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

std::string required_output(const Context& context, const std::string& example) {
  const std::string output = setting(context, "output", "");
  if (output.empty())
    fail_usage("there is no file to write to; add --output FILE, such as --output ", example);
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
