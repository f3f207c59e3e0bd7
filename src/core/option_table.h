// The one table of options: name, meaning, how to read, write and check each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lockstep/core/options.h"

namespace lockstep {

struct OptionEntry {
  std::string name;
  std::string help;
  std::string expected;  // what a valid value is, for messages
  // Returns whether the value is valid, and has stored it if so.
  std::function<bool(Options&, const std::string&)> set;
  std::function<std::string(const Options&)> get;
};

const std::vector<OptionEntry>& option_table();

}  // namespace lockstep
