#include "option_table.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>

#include "lockstep/core/error.h"

namespace lockstep {

namespace {

// Beyond any use, and small enough that no product of two overflows.
constexpr int64_t kMostSamples = int64_t{1} << 31;
constexpr int64_t kMostSteps = (int64_t{1} << 32) - 1;  // random numbers count steps with 32 bits
constexpr int64_t kMostEpochs = int64_t{1} << 20;
constexpr int64_t kMostThreads = 4096;
constexpr double kMostContrast = 1e9;

template <class Number>
bool parse_number(const std::string& value, Number& number) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size();
}

template <class Number>
std::string print_number(Number number) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

OptionEntry string_option(const char* name, std::string Options::*member, const char* help,
                          const char* expected) {
  return {name, help, expected,
          [member](Options& options, const std::string& value) {
            options.*member = value;
            return true;
          },
          [member](const Options& options) { return options.*member; }};
}

OptionEntry choice_option(const char* name, std::string Options::*member, std::vector<std::string> choices,
                          const char* help) {
  std::string expected = "one of";
  for (const auto& choice : choices) expected += (choice == choices.front() ? " " : ", ") + choice;
  return {name, help, expected,
          [member, choices](Options& options, const std::string& value) {
            if (std::find(choices.begin(), choices.end(), value) == choices.end()) return false;
            options.*member = value;
            return true;
          },
          [member](const Options& options) { return options.*member; }};
}

OptionEntry whole_option(const char* name, int64_t Options::*member, int64_t lowest, int64_t highest,
                         const char* help) {
  return {name, help, text("a whole number from ", lowest, " to ", highest),
          [member, lowest, highest](Options& options, const std::string& value) {
            int64_t number = 0;
            if (!parse_number(value, number) || number < lowest || number > highest) return false;
            options.*member = number;
            return true;
          },
          [member](const Options& options) { return print_number(options.*member); }};
}

// A number in [lowest, below).
OptionEntry real_option(const char* name, double Options::*member, double lowest, double below,
                        const char* help) {
  const bool bounded = below < std::numeric_limits<double>::infinity();
  return {
      name, help,
      bounded ? text("a number from ", lowest, " to below ", below) : text("a number, ", lowest, " or more"),
      [member, lowest, below](Options& options, const std::string& value) {
        double number = 0;
        if (!parse_number(value, number) || !(number >= lowest && number < below)) return false;
        options.*member = number;
        return true;
      },
      [member](const Options& options) { return print_number(options.*member); }};
}

OptionEntry bool_option(const char* name, bool Options::*member, const char* help) {
  return {name, help, "true or false",
          [member](Options& options, const std::string& value) {
            if (value != "true" && value != "false") return false;
            options.*member = value == "true";
            return true;
          },
          [member](const Options& options) { return options.*member ? "true" : "false"; }};
}

OptionEntry seed_option() {
  return {"seed", "what all random numbers follow from", "a whole number from 0 to 18446744073709551615",
          [](Options& options, const std::string& value) { return parse_number(value, options.seed); },
          [](const Options& options) { return print_number(options.seed); }};
}

OptionEntry batch_size_option() {
  return {
      "batch-size", "samples of a step, over all ranks together; others after so many epochs",
      text("a whole number from 1 to ", kMostSamples,
           ", which may change after epochs of the run, in ascending order: 64, 256 after 10, 1024 after 20"),
      [](Options& options, const std::string& value) {
        const std::optional<BatchSizes> sizes = BatchSizes::parse(value);
        if (!sizes) return false;
        options.batch_size = *sizes;
        return std::all_of(sizes->phases().begin(), sizes->phases().end(), [](const auto& phase) {
          return phase.samples <= kMostSamples && phase.after <= kMostEpochs;
        });
      },
      [](const Options& options) { return options.batch_size.text(); }};
}

OptionEntry contrast_option() {
  return {"contrast",
          "likewise: each patch to (x - mean) / sqrt(variance + C), on the scale of stored numbers",
          "none, or a number, 0 or more, such as 10 for bytes",
          [](Options& options, const std::string& value) {
            double number = 0;
            const bool is_number = parse_number(value, number) && number >= 0 && number < kMostContrast;
            options.contrast = is_number ? std::optional(number) : std::nullopt;
            return is_number || value == "none";
          },
          [](const Options& options) { return options.contrast ? print_number(*options.contrast) : "none"; }};
}

OptionEntry target_option() {
  return {"target", "what to learn; auto: labels, else targets, else the input itself",
          "auto, labels, targets, input, or layer:NAME, what this layer puts out",
          [](Options& options, const std::string& value) {
            const std::set<std::string> words = {"auto", "labels", "targets", "input"};
            options.target = value;
            return words.contains(value) || (value.starts_with(kLayerTarget) && value != kLayerTarget);
          },
          [](const Options& options) { return options.target; }};
}

OptionEntry shuffle_option() {
  return {"shuffle",
          "what an epoch mixes: all samples; or, for a dataset larger than memory, shuffled blocks of "
          "samples that "
          "are neighbours in the file, and the samples of so many blocks at a time",
          "samples, or blocks SAMPLES x BLOCKS (1 to 1,000,000,000 each), such as blocks 512 x 16",
          [](Options& options, const std::string& value) {
            const std::optional<Shuffle> shuffle = Shuffle::parse(value);
            if (!shuffle) return false;
            options.shuffle = *shuffle;
            return shuffle->block <= kMostSamples && shuffle->pool <= kMostSamples;
          },
          [](const Options& options) { return options.shuffle.text(); }};
}

std::vector<OptionEntry> data_options() {
  return {
      string_option("dataset", &Options::dataset,
                    "an HDF5 dataset, or the name of a generator (digits, rectangles, convex, ...)",
                    "a file"),
      target_option(),
      choice_option("in-memory", &Options::in_memory, {"auto", "yes", "no"},
                    "hold the dataset in memory; auto: where it fits"),
      shuffle_option(),
      string_option("augment", &Options::augment,
                    "of training pictures: random crops after padding, random mirror images",
                    "none, or of crop PADDING and flip those wanted, between commas"),
      choice_option("test-augment", &Options::test_augment, {"none", "flip"},
                    "of pictures that are scored; flip: the mean of what the network says of each and of its "
                    "mirror image"),
      string_option("normalise", &Options::normalise,
                    "of inputs, by channel; dataset: to mean 0 and deviation 1 over the training split",
                    "none, dataset, or means/deviations, such as 0.49,0.48,0.45/0.25,0.24,0.26"),
      whole_option("generate-train", &Options::generate_train, 1, kMostSamples,
                   "training samples of a generated dataset"),
      whole_option("generate-test", &Options::generate_test, 0, kMostSamples,
                   "test samples of a generated dataset"),
  };
}

std::vector<OptionEntry> start_options() {
  return {
      string_option("start-from", &Options::start_from,
                    "checkpoints whose parameters the layers of the same names start with",
                    "checkpoint files, between commas"),
      string_option("stack-on", &Options::stack_on,
                    "a checkpoint whose encoder, which learns no more, stands below the layers", "a file"),
      string_option(
          "stack-code", &Options::stack_code,
          "the layer of that checkpoint that is the code; without it the one named code, else the narrowest",
          "the name of a layer"),
  };
}

// Written as the options of 'trainer prepare' are; who reads them knows what fits.
std::vector<OptionEntry> feature_options() {
  return {
      string_option("learn", &Options::learn,
                    "of 'features': what is learned on patches: kmeans, random-patches, random-vectors, "
                    "autoencoder or rica",
                    "the learner and how many features, such as \"kmeans 400 iterations=50\""),
      string_option("patches", &Options::patches, "likewise: the patches that are learned from",
                    "patches, such as \"random 6 count=400000\""),
      contrast_option(),
      string_option("whiten", &Options::whiten, "likewise: how patches are whitened",
                    "none, or a whitening, such as \"zca epsilon=0.1\""),
  };
}

std::vector<OptionEntry> optimisation_options() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {
      choice_option("loss", &Options::loss, {"softmax", "squared", "cross-entropy"},
                    "what training minimises"),
      choice_option("initialisation", &Options::initialisation, {"glorot", "he", "uniform"},
                    "of weights, where a layer does not say init="),
      bool_option("winograd", &Options::winograd,
                  "do 3x3 convolutions by Winograd's algorithm where it pays"),
      choice_option("precision", &Options::precision, {"float32", "bf16"},
                    "of the operands of convolutions and matrix products; bf16 needs avx512_bf16"),
      choice_option("optimizer", &Options::optimizer, {"sgd", "adam", "adamw", "lars", "lamb"},
                    "the update rule; lars and lamb are for large minibatches"),
      real_option("learning-rate", &Options::learning_rate, 0, kInfinity,
                  "after warm-up, before the schedule"),
      whole_option(
          "reference-batch", &Options::reference_batch, 0, kMostSamples,
          "the batch-size that learning-rate is for: it is used times batch-size over this; 0: as it is"),
      real_option("momentum", &Options::momentum, 0, 1, "of sgd and lars"),
      bool_option("nesterov", &Options::nesterov, "Nesterov's momentum, of sgd"),
      real_option("weight-decay", &Options::weight_decay, 0, kInfinity,
                  "of all parameters; adamw decouples it"),
      real_option("beta1", &Options::beta1, 0, 1, "of adam and lamb: decay of the mean gradient"),
      real_option("beta2", &Options::beta2, 0, 1, "of adam and lamb: decay of the mean squared gradient"),
      real_option("epsilon", &Options::epsilon, 0, kInfinity, "of adam and lamb: keeps the division sane"),
      real_option("trust", &Options::trust, 0, kInfinity, "of lars: a step's length over the weights' norm"),
      real_option("clip-norm", &Options::clip_norm, 0, kInfinity,
                  "largest norm of the gradient; 0: no limit"),
      choice_option("schedule", &Options::schedule, {"constant", "step", "polynomial", "cosine"},
                    "how the learning rate falls"),
      whole_option("warmup-steps", &Options::warmup_steps, 0, kMostSteps,
                   "steps in which the learning rate rises linearly"),
      whole_option("schedule-steps", &Options::schedule_steps, 0, kMostSteps,
                   "schedule step: steps between two drops"),
      real_option("schedule-gamma", &Options::schedule_gamma, 0, kInfinity,
                  "schedule step: factor of a drop"),
      real_option("schedule-power", &Options::schedule_power, 0, kInfinity, "schedule polynomial: its power"),
  };
}

std::vector<OptionEntry> run_options() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {
      batch_size_option(),
      whole_option("microbatch", &Options::microbatch, 1, kMostSamples,
                   "samples that one thread takes through the network at once"),
      whole_option("epochs", &Options::epochs, 0, kMostEpochs,
                   "passes over the training set; 0: as steps says, else 10"),
      whole_option("steps", &Options::steps, 0, kMostSteps,
                   "end after so many steps in all; a schedule still runs over epochs where those are given"),
      seed_option(),
      whole_option("threads", &Options::threads, 0, kMostThreads,
                   "of this rank; 0: its fair share of the cores"),
      choice_option(
          "reduction", &Options::reduction, {"ordered", "mpi"},
          "ordered: the same bits on any number of ranks; mpi: MPI_Iallreduce, without that promise"),
      whole_option("bucket-kilobytes", &Options::bucket_kilobytes, 0, kMostSamples,
                   "how much of the gradient travels at once; 0: by rule, from its size and the ranks"),
      whole_option("history-steps", &Options::history_steps, 1, kMostSteps,
                   "steps between two rows of the history"),
      real_option("stall-timeout", &Options::stall_timeout, 0, kInfinity,
                  "seconds without progress after which a run says who waits for what, and ends; 0: never"),
      string_option("checkpoint", &Options::checkpoint, "the file to write; without it none is written",
                    "a file"),
      whole_option("checkpoint-steps", &Options::checkpoint_steps, 0, kMostSteps,
                   "write one every so many steps"),
      whole_option("checkpoint-epochs", &Options::checkpoint_epochs, 0, kMostEpochs,
                   "write one every so many epochs"),
      real_option("checkpoint-minutes", &Options::checkpoint_minutes, 0, kInfinity,
                  "write one every so many minutes"),
  };
}

std::vector<OptionEntry> all_options() {
  std::vector<OptionEntry> table = data_options();
  for (auto part : {start_options(), feature_options(), optimisation_options(), run_options()})
    table.insert(table.end(), part.begin(), part.end());
  return table;
}

}  // namespace

const std::vector<OptionEntry>& option_table() {
  static const std::vector<OptionEntry> table = all_options();
  return table;
}

}  // namespace lockstep
