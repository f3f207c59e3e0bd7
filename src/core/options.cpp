#include "lockstep/core/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <fstream>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "option_table.h"

namespace lockstep {

namespace po = boost::program_options;

namespace {

constexpr const char* kCommandLine = "the command line";

std::vector<std::string> option_names(const std::vector<std::string>& extra = {}) {
  std::vector<std::string> names = {"layer"};
  for (const auto& entry : option_table()) names.push_back(entry.name);
  for (const auto& name : extra) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void apply(Options& options, const std::string& key, const std::string& value, const std::string& origin) {
  if (value.find_first_of("#\n") != std::string::npos) {
    fail_usage(origin, ": ", key, " = ", value, " cannot be used: '#' begins a comment in a configuration");
  }
  if (key == "layer") {
    options.layers.push_back({value, origin});
    return;
  }
  const auto& table = option_table();
  const auto entry = std::find_if(table.begin(), table.end(), [&](const auto& e) { return e.name == key; });
  if (entry == table.end()) {
    fail_usage(origin, ": there is no option '", key, "'; ", suggestion(key, option_names()));
  }
  if (value.empty() && entry->name != "checkpoint") {
    fail_usage(origin, ": ", key, " has no value; expected ", entry->expected);
  }
  if (!entry->set(options, value)) {
    fail_usage(origin, ": ", key, " = ", value, " cannot be used; expected ", entry->expected);
  }
  options.origins[key] = origin;
}

po::options_description known_to_boost(const std::vector<std::string>& extra) {
  po::options_description description;
  for (const auto& name : option_names(extra)) {
    auto* value = po::value<std::vector<std::string>>();
    const bool is_question = name == "help" || name == "version";
    if (is_question) value->implicit_value({"true"}, "true");
    description.add_options()((name == "help" ? "help,h" : name).c_str(), value);
  }
  return description;
}

}  // namespace

std::string Options::origin(const std::string& key) const {
  const auto found = origins.find(key);
  return found == origins.end() ? "the default" : found->second;
}

CommandLine parse_command_line(const std::vector<std::string>& arguments,
                               const std::vector<std::string>& extra) {
  const po::options_description description = known_to_boost(extra);
  CommandLine result;
  try {
    const auto parsed =
        po::command_line_parser(arguments)
            .options(description)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .allow_unregistered()
            .run();
    for (const auto& option : parsed.options) {
      if (option.position_key >= 0 || option.string_key.empty()) {
        result.words.insert(result.words.end(), option.original_tokens.begin(), option.original_tokens.end());
      } else if (option.unregistered) {
        fail_usage(kCommandLine, ": there is no option '", option.string_key, "'; ",
                   suggestion(option.string_key, option_names(extra)));
      } else {
        result.settings.emplace_back(option.string_key, option.value.empty() ? "true" : option.value.front());
      }
    }
  } catch (const po::error& error) {
    fail_usage(kCommandLine, ": ", error.what());
  }
  return result;
}

void apply_configuration(Options& options, const std::string& content, const std::string& name) {
  std::istringstream lines(content);
  std::string line;
  std::map<std::string, int> seen;
  // A line at a time, so that every message can name its line; Boost knows the syntax, not the positions.
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string origin = text(name, ":", number);
    std::istringstream one_line(line);
    if (line.find_first_not_of(" \t") != std::string::npos && line[line.find_first_not_of(" \t")] == '[') {
      fail_usage(origin, ": '", line, "' is a section; a configuration has none, only lines key = value");
    }
    try {
      for (const auto& option : po::parse_config_file(one_line, po::options_description(), true).options) {
        const auto [before, is_new] = seen.emplace(option.string_key, number);
        if (!is_new && option.string_key != "layer") {
          fail_usage(origin, ": ", option.string_key, " is given a second time; it stands in line ",
                     before->second, " already");
        }
        apply(options, option.string_key, option.value.empty() ? "" : option.value.front(), origin);
      }
    } catch (const po::error& error) {
      fail_usage(origin, ": '", line, "' is not of the form key = value (", error.what(), ")");
    }
  }
}

void apply_settings(Options& options, const CommandLine& command_line,
                    const std::vector<std::string>& extra) {
  const auto& settings = command_line.settings;
  if (std::any_of(settings.begin(), settings.end(), [](const auto& s) { return s.first == "layer"; })) {
    options.layers.clear();
  }
  for (const auto& [key, value] : settings) {
    if (std::find(extra.begin(), extra.end(), key) == extra.end()) apply(options, key, value, kCommandLine);
  }
}

namespace {

// An option that is read only where another has one of these values; without values, where it is not "none".
struct Use {
  const char* key;
  const char* choice;
  std::vector<std::string> values;
  const char* example;  // of a value, for messages
};

const std::vector<Use>& conditional_uses() {
  static const std::vector<Use> uses = {{"momentum", "optimizer", {"sgd", "lars"}, "sgd"},
                                        {"nesterov", "optimizer", {"sgd"}, "sgd"},
                                        {"beta1", "optimizer", {"adam", "adamw", "lamb"}, "adam"},
                                        {"beta2", "optimizer", {"adam", "adamw", "lamb"}, "adam"},
                                        {"epsilon", "optimizer", {"adam", "adamw", "lamb"}, "adam"},
                                        {"trust", "optimizer", {"lars"}, "lars"},
                                        {"clip-norm", "optimizer", {"sgd", "adam", "adamw"}, "sgd"},
                                        {"schedule-steps", "schedule", {"step"}, "step"},
                                        {"schedule-gamma", "schedule", {"step"}, "step"},
                                        {"schedule-power", "schedule", {"polynomial"}, "polynomial"},
                                        {"patches", "learn", {}, "kmeans 400"},
                                        {"contrast", "learn", {}, "kmeans 400"},
                                        {"whiten", "learn", {}, "kmeans 400"}};
  return uses;
}

std::string value_of(const Options& options, const std::string& key) {
  const auto& table = option_table();
  return std::find_if(table.begin(), table.end(), [&](const auto& e) { return e.name == key; })->get(options);
}

bool is_read(const Options& options, const Use& use) {
  const std::string value = value_of(options, use.choice);
  if (use.values.empty()) return value != "none";
  return std::find(use.values.begin(), use.values.end(), value) != use.values.end();
}

}  // namespace

void check_unused(const Options& options, bool learns_features) {
  if (options.learn != "none" && !learns_features) {
    fail_usage(options.origin("learn"), ": nothing reads learn = ", options.learn,
               " where one network is trained; it is for 'trainer features'");
  }
  if (!options.stack_code.empty() && options.stack_on.empty()) {
    fail_usage(options.origin("stack-code"), ": nothing reads stack-code = ", options.stack_code,
               " without a checkpoint that has this code; add stack-on = CHECKPOINT");
  }
  for (const Use& use : conditional_uses()) {
    if (is_read(options, use) || options.origins.count(use.key) == 0) continue;
    // A choice of the command line leaves over what the file had for another; that is no mistake.
    if (options.origin(use.choice) == kCommandLine && options.origin(use.key) != kCommandLine) continue;
    fail_usage(options.origin(use.key), ": nothing reads ", use.key, " with ", use.choice, " = ",
               value_of(options, use.choice), "; it is for ", use.choice, " = ", use.example,
               "; take one of the two away");
  }
}

std::string configuration_text(const Options& options, bool for_comparison) {
  std::string result;
  for (const auto& entry : option_table()) {
    if (for_comparison && entry.name == "threads") continue;
    const auto& uses = conditional_uses();
    const bool unread = std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
      return use.key == entry.name && !is_read(options, use);
    });
    const std::string value = entry.get(options);
    const bool absent = value.empty() && entry.name != "checkpoint";
    if (unread || absent) continue;
    result += entry.name + " = " + value + "\n";
  }
  for (const auto& layer : options.layers) result += "layer = " + layer.line + "\n";
  return result;
}

std::string options_help() {
  const Options defaults;
  std::ostringstream result;
  for (const auto& entry : option_table()) {
    const std::string head = "  --" + entry.name + " " + entry.get(defaults);
    result << head << std::string(head.size() < 32 ? 32 - head.size() : 1, ' ') << entry.help << " ("
           << entry.expected << ")\n";
  }
  return result.str();
}

}  // namespace lockstep
