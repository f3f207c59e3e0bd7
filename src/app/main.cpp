// trainer: training of convolutional networks and autoencoders on CPU clusters, the same bits on any number
// of ranks.
//
// Start reading in src/train/trainer.cpp (the loop) and src/dist/ordered_reducer.cpp (the only place where
// other ranks come in).
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "agreement.h"
#include "commands.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "lockstep/core/version.h"
#include "lockstep/nn/layer_table.h"
#include "session.h"

namespace lockstep::app {

namespace {

// Every key that some command takes, once where it means the same, in the order of the table.
std::vector<Key> own_keys() {
  std::vector<Key> keys;
  for (const Command& command : commands()) {
    for (const Key& key : command.keys) {
      const auto same = [&](const Key& k) { return k.name == key.name && k.meaning == key.meaning; };
      if (std::none_of(keys.begin(), keys.end(), same)) keys.push_back(key);
    }
  }
  return keys;
}

void print_help() {
  std::cout << "trainer " << kVersion
            << ": convolutional networks and autoencoders on CPU clusters; the same bits on any number of "
               "ranks\n\n";
  for (const Command& command : commands()) {
    std::cout << "  " << command.usage
              << std::string(command.usage.size() < 50 ? 50 - command.usage.size() : 1, ' ')
              << command.meaning << "\n";
  }
  std::cout
      << "\nIn parallel: mpirun -n RANKS trainer ...\n\nOptions, on the command line or as lines key = "
         "value of "
         "CONFIG (default in front):\n"
      << options_help()
      << "  layer = TYPE ...              one line a layer; see launch/ for examples\n\n"
         "Layers. Each takes besides: name=NAME; from=NAME, the layer that it reads, if not the one above;\n"
         "learn=no, where its parameters are to stay; share=NAME, where they are those of a layer above.\n";
  for (const nn::LayerType& type : nn::layer_table()) std::cout << "  " << type.usage << "\n";
  std::cout << "\nOf some commands, on the command line alone:\n";
  for (const Key& key : own_keys()) {
    const std::string head = "  --" + key.name;
    std::string takers;
    for (const Command& command : commands()) {
      const auto same = [&](const Key& k) { return k.name == key.name && k.meaning == key.meaning; };
      if (std::any_of(command.keys.begin(), command.keys.end(), same)) {
        takers += (takers.empty() ? "" : ", ") + command.name;
      }
    }
    std::cout << head << std::string(head.size() < 32 ? 32 - head.size() : 1, ' ') << takers << ": "
              << key.meaning << "\n";
  }
}

// The command that the words name, taken off them; a configuration's name, or nothing, means train.
const Command& take_command(std::vector<std::string>& words) {
  const auto& table = commands();
  if (words.empty()) return table[0];
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == words[0]; });
  if (found != table.end()) {
    words.erase(words.begin());
    return *found;
  }
  const bool is_file =
      words[0].find_first_of("./") != std::string::npos || access(words[0].c_str(), F_OK) == 0;
  if (is_file) return table[0];
  std::vector<std::string> names;
  for (const Command& command : table) names.push_back(command.name);
  fail_usage("there is no command and no configuration '", words[0], "'; ", suggestion(words[0], names));
}

// Complains about options that the command would not read.
void check_settings(const Command& command, const CommandLine& arguments) {
  for (const auto& [key, value] : arguments.settings) {
    if (key == "help" || key == "version" || command.has_key(key)) continue;
    const auto& own = command_keys();
    if (command.takes_options && std::find(own.begin(), own.end(), key) == own.end()) continue;
    fail_usage("'", command.name, "' takes no option --", key, "; usage: ", command.usage);
  }
}

// The command's name and those of its options that no configuration has.
std::string command_text(const Command& command, const CommandLine& arguments) {
  std::string lines = command.name;
  for (const auto& [key, value] : arguments.settings) {
    if (command.has_key(key)) lines += text("\n--", key, " ", value);
  }
  return lines;
}

int run(comm::Group& group, train::StopSignal& signals, int argc, char** argv) {
  Context context{group, {}, {}, signals, memory_now()};
  for (int i = 0; i < argc; ++i) context.command_line += (i == 0 ? "" : " ") + std::string(argv[i]);
  require_same_program(group);
  const Command* command = nullptr;
  comm::together(group, [&] {
    context.arguments = parse_command_line({argv + 1, argv + argc}, command_keys());
    command = &take_command(context.arguments.words);
    check_settings(*command, context.arguments);
  });
  comm::require_equal(group, "command", command_text(*command, context.arguments),
                      "start all ranks with the same command");
  if (!setting(context, "help", "").empty() || !setting(context, "version", "").empty()) {
    if (group.rank() == 0 && !setting(context, "help", "").empty()) print_help();
    if (group.rank() == 0 && !setting(context, "version", "").empty())
      std::cout << "trainer " << kVersion << "\n";
    return 0;
  }
  return command->run(context);
}

// One message; an agreed failure is printed by rank 0 alone, and all ranks end in good order.
int report(comm::Group& group, const std::exception& error, Failure kind, bool agreed) {
  char host[256] = "unknown host";
  gethostname(host, sizeof host - 1);
  if (agreed && group.rank() != 0) return static_cast<int>(kind);
  const std::string who = agreed ? "" : text("rank ", group.rank(), " (", host, "): ");
  const std::string message = text("trainer: ", group.size() > 1 ? who : "", error.what(), "\n");
  std::fflush(stdout);
  std::fputs(message.c_str(), stderr);
  if (!agreed && group.size() > 1) group.abort(static_cast<int>(kind));
  return static_cast<int>(kind);
}

}  // namespace

}  // namespace lockstep::app

int main(int argc, char** argv) {
  using namespace lockstep;
  train::StopSignal signals;  // before anything starts a thread
  std::unique_ptr<comm::Group> group;
  try {
    group = comm::join_group(argc, argv);
    return app::run(*group, signals, argc, argv);
  } catch (const comm::AgreedError& error) {
    return app::report(*group, error, error.kind(), true);
  } catch (const Error& error) {
    if (group) return app::report(*group, error, error.kind(), false);
    std::fprintf(stderr, "trainer: %s\n", error.what());
    return static_cast<int>(error.kind());
  } catch (const std::exception& error) {
    if (group) return app::report(*group, error, Failure::kRuntime, false);
    std::fprintf(stderr, "trainer: %s\n", error.what());
    return 1;
  }
}
