// The commands of the program. Each is collective over the group and returns the exit code.
#pragma once

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

struct Command {
  std::string name;
  std::string usage;
  std::string meaning;
  bool takes_options;             // those of a run
  std::vector<std::string> keys;  // of its own
  int (*run)(const Context& context);
};

const std::vector<Command>& commands();

// Keys that commands take beside the options of a run.
const std::vector<std::string>& command_keys();

int train_command(const Context& context);
int time_command(const Context& context);
int resume_command(const Context& context);
int evaluate_command(const Context& context);
int import_command(const Context& context);
int generate_command(const Context& context);
int inspect_command(const Context& context);
int diff_command(const Context& context);
int selftest_command(const Context& context);

// Collective. The options of CONFIG and the command line, and CONFIG's text; without CONFIG, those of LeNet
// on generated digits.
Options read_options(const Context& context, const std::string& usage, std::string& configuration);

// Fails where there are fewer or more words than the command takes.
void require_words(const Context& context, size_t fewest, size_t most, const std::string& usage);
// The value of a key of the command's own, or the fallback.
std::string setting(const Context& context, const std::string& key, const std::string& fallback);

}  // namespace lockstep::app
