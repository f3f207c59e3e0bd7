// Every option of a run, from a configuration file and the command line, which share one set of names.
//
// The command line wins over the file. An unknown key or an unusable value is an Error that names where it
// stood (file and line, or the command line), what was found and what would be valid.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/core/batch_sizes.h"
#include "lockstep/core/shuffle.h"

namespace lockstep {

// One line of the network, as it was written, and where.
struct LayerLine {
  std::string line;    // "conv 20 kernel=5"
  std::string origin;  // "launch/mnist_lenet.cfg:3"
};

inline constexpr std::string_view kLayerTarget = "layer:";  // a target that is a layer's output: layer:NAME

struct Options {
  // What to train on.
  std::string dataset = "digits";  // an HDF5 file, or the name of a generator
  std::string target = "auto";     // labels, targets or input; auto: the first that there is; or layer:NAME
  std::string in_memory = "auto";  // yes, no, or auto: where it fits
  Shuffle shuffle;
  std::string augment = "none";       // or "crop 4, flip"
  std::string test_augment = "none";  // or "flip": of what is scored
  std::string normalise = "none";     // or "dataset", or "0.5,0.4,0.6/0.2,0.2,0.3": means, then deviations
  int64_t generate_train = 10000;     // samples, where `dataset` names a generator
  int64_t generate_test = 2000;

  // Features of pictures, for 'trainer features' alone.
  std::string learn = "none";      // "kmeans 400", ...
  std::string patches = "none";    // "random 6 count=400000"
  std::optional<double> contrast;  // the constant, on the scale of the stored numbers
  std::string whiten = "none";     // "zca epsilon=0.1"

  // The network.
  std::vector<LayerLine> layers;
  std::string loss = "softmax";
  std::string initialisation = "glorot";
  bool winograd = true;
  std::string precision = "float32";  // or bf16: of the operands of convolutions and matrix products

  // Where it starts from, in a run that does not go on from a checkpoint.
  std::string start_from;  // checkpoints, between commas
  std::string stack_on;    // a checkpoint whose encoder stands below the layers
  std::string stack_code;  // its layer that is the code; empty: as nn::code_node() finds it

  // Optimisation.
  std::string optimizer = "sgd";
  double learning_rate = 0.01;
  int64_t reference_batch = 0;  // the batch-size that learning_rate is for; 0: whatever it is
  double momentum = 0.0;
  bool nesterov = false;
  double weight_decay = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double trust = 0.001;
  double clip_norm = 0.0;  // 0: off
  std::string schedule = "constant";
  int64_t warmup_steps = 0;
  int64_t schedule_steps = 0;  // schedule 'step': steps between two drops
  double schedule_gamma = 0.1;
  double schedule_power = 1.0;

  // The run.
  BatchSizes batch_size = 64;
  int64_t microbatch = 32;
  int64_t epochs = 0;  // 0: not given
  int64_t steps = 0;   // 0: not given
  uint64_t seed = 1;
  int64_t threads = 0;  // 0: this rank's fair share
  std::string reduction = "ordered";
  int64_t bucket_kilobytes = 0;  // 0: by rule
  int64_t history_steps = 10;
  double stall_timeout = 600;  // seconds; 0: nobody watches

  // Checkpoints.
  std::string checkpoint;
  int64_t checkpoint_steps = 0;
  int64_t checkpoint_epochs = 0;
  double checkpoint_minutes = 0.0;

  // Where each option that was given stood.
  std::map<std::string, std::string> origins;
  std::string origin(const std::string& key) const;  // "file.cfg:7", "the command line", "the default"
};

// What stood on the command line: words without a key, in order, and the settings with one.
struct CommandLine {
  std::vector<std::string> words;
  std::vector<std::pair<std::string, std::string>> settings;  // key without dashes, value ("true" where none)
};

// `extra` names the keys that the command takes beside the options of a run (such as "output").
CommandLine parse_command_line(const std::vector<std::string>& arguments,
                               const std::vector<std::string>& extra);

// Applies a configuration's text. `name` is the file's, for messages.
void apply_configuration(Options& options, const std::string& content, const std::string& name);
// Applies settings of the command line, those in `extra` left out. Given layers replace those of the file.
void apply_settings(Options& options, const CommandLine& command_line, const std::vector<std::string>& extra);

// Complains about options that were given but that nothing reads, such as momentum for adam; not about those
// of a file whose choice the command line has overridden. `learns_features`: whether learn = is read.
void check_unused(const Options& options, bool learns_features = false);

// The options as a configuration that gives the same run, every default written out but those that nothing
// reads. With `for_comparison`, without what may differ between ranks (threads).
std::string configuration_text(const Options& options, bool for_comparison = false);

// One line an option: name, default, meaning. For `--help`.
std::string options_help();

}  // namespace lockstep
