// The commands of the program. Each is collective over the group and returns the exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/core/options.h"
#include "lockstep/train/stop_signal.h"

namespace lockstep::app {

struct Context {
  comm::Group& group;
  CommandLine arguments;     // words[0] is the first word behind the command's name
  std::string command_line;  // as it was typed, for provenance
  train::StopSignal& signals;
  int64_t memory_at_start;  // bytes that the process held before it did anything
};

// An option of a command's own, on the command line alone.
struct Key {
  std::string name;
  std::string meaning;  // for --help, with its default and what it takes
};

struct Command {
  std::string name;
  std::string usage;
  std::string meaning;
  bool takes_options;  // those of a run
  std::vector<Key> keys;
  int (*run)(const Context& context);

  bool has_key(const std::string& key) const;
};

const std::vector<Command>& commands();

// Keys that commands take beside the options of a run.
const std::vector<std::string>& command_keys();

int train_command(const Context& context);
int time_command(const Context& context);
int resume_command(const Context& context);
int evaluate_command(const Context& context);
int encode_command(const Context& context);
int reconstruct_command(const Context& context);
int energy_command(const Context& context);
int classify_command(const Context& context);
int cluster_command(const Context& context);
int prepare_command(const Context& context);
int pca_command(const Context& context);
int features_command(const Context& context);
int import_command(const Context& context);
int generate_command(const Context& context);
int inspect_command(const Context& context);
int diff_command(const Context& context);
int dynamics_command(const Context& context);
int relation_command(const Context& context);
int replay_command(const Context& context);
int selftest_command(const Context& context);
int report_command(const Context& context);
int picture_command(const Context& context);

// Collective. The options of CONFIG and the command line, and CONFIG's text; without CONFIG, those of LeNet
// on generated digits. With `learns_features`, which needs a CONFIG, also what 'features' alone reads.
Options read_options(const Context& context, const std::string& usage, std::string& configuration,
                     bool learns_features = false);
// Collective. Trains to the end, and prints the lines that end a run.
int train_to_the_end(const Context& context, const Options& options, const std::string& configuration);

// Fails where there are fewer or more words than the command takes.
void require_words(const Context& context, size_t fewest, size_t most, const std::string& usage);
// Fails where an option of a run is given that is not one of these, which the command reads.
void require_run_options(const Context& context, const std::vector<std::string>& read,
                         const std::string& usage);
// The value of a key of the command's own, or the fallback.
std::string setting(const Context& context, const std::string& key, const std::string& fallback);
bool was_given(const Context& context, const std::string& key);
// The same as a number in [lowest, highest]; a usage error says what was found and expected.
int64_t whole_setting(const Context& context, const std::string& key, int64_t lowest, int64_t highest,
                      int64_t fallback);
double real_setting(const Context& context, const std::string& key, double lowest, double highest,
                    double fallback);
// The file that --output names; a usage error, with an example of one, where there is none.
std::string required_output(const Context& context, const std::string& example = "datasets/mnist.h5");

// Prints a line on rank 0, at once.
void announce(const Context& context, const std::string& line);
// Prints what a dataset's file holds; fails where it is damaged. Not collective.
void inspect_dataset(const std::string& path);

// Collective. Runs on rank 0; a failure is everybody's, and so is the exit code.
int on_first_rank(const Context& context, const std::function<int()>& action);

}  // namespace lockstep::app
