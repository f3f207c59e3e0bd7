#include "lockstep/nn/layer_line.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"

namespace lockstep::nn {

namespace {

template <class Number>
bool parse(const std::string& value, Number& number) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size();
}

}  // namespace

LayerArguments::LayerArguments(const LayerLine& line, uint32_t position, const NetworkSettings& settings,
                               LineForm form)
    : line_(line.line),
      origin_(line.origin),
      form_(std::move(form)),
      position_(position),
      settings_(settings) {
  std::istringstream words(line.line);
  words >> type_;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      leading_.push_back(word);
    } else if (equals == 0 || equals + 1 == word.size()) {
      complain("'" + word + "' is not of the form name=value");
    } else if (!values_.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      complain("'" + word.substr(0, equals) + "' is given twice");
    }
  }
  if (type_.empty())
    complain("it is empty; expected what kind of " + form_.noun + " it is, and what that takes, such as '" +
             form_.example + "'");
}

int64_t LayerArguments::leading_whole(const std::string& name, int64_t lowest) {
  take_leading(name);
  if (!has(name)) complain(text("it needs a number (", name, "), as in '", type_, " 20'"));
  return whole(name, lowest, lowest);
}

double LayerArguments::leading_real(const std::string& name, double lowest, double below,
                                    std::optional<double> fallback) {
  take_leading(name);
  if (!has(name) && !fallback) {
    complain(text("it needs a number (", name, ") from ", lowest, " to below ", below));
  }
  return real(name, lowest, below, fallback.value_or(lowest));
}

std::string LayerArguments::leading_word(const std::string& name, const std::vector<std::string>& choices) {
  take_leading(name);
  if (!has(name)) complain("it needs a " + name + "; " + suggestion("", choices));
  const std::string value = word(name, "");
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    complain("there is no " + name + " '" + value + "'; " + suggestion(value, choices));
  }
  return value;
}

// The next value without a name, where it is not given by its name.
void LayerArguments::take_leading(const std::string& name) {
  if (leading_used_ < leading_.size() && !has(name)) values_[name] = leading_[leading_used_++];
}

double LayerArguments::real(const std::string& name, double lowest, double below, double fallback) {
  asked_.insert(name);
  if (!has(name)) return fallback;
  double number = 0;
  if (!parse(values_[name], number) || !(number >= lowest && number < below)) {
    complain(text(name, " = ", values_[name], " cannot be used; expected a number from ", lowest,
                  " to below ", below));
  }
  return number;
}

int64_t LayerArguments::whole(const std::string& name, int64_t lowest, int64_t fallback) {
  asked_.insert(name);
  if (!has(name)) return fallback;
  int64_t number = 0;
  // What no memory could hold is caught here, so that shapes cannot overflow later.
  constexpr int64_t kHighest = 1 << 24;
  if (!parse(values_[name], number) || number < lowest || number > kHighest) {
    complain(text(name, " = ", values_[name], " cannot be used; expected a whole number from ", lowest,
                  " to ", kHighest));
  }
  return number;
}

std::string LayerArguments::word(const std::string& name, const std::string& fallback) {
  asked_.insert(name);
  return has(name) ? values_[name] : fallback;
}

bool LayerArguments::yes_or_no(const std::string& name, bool fallback) {
  const std::string value = word(name, fallback ? "yes" : "no");
  if (value != "yes" && value != "no") complain(name + "=" + value + " cannot be used; expected yes or no");
  return value == "yes";
}

int64_t LayerArguments::required_whole(const std::string& name, int64_t lowest) {
  if (!has(name)) {
    asked_.insert(name);
    complain("it needs " + name + "=, a whole number" + unknown_values());
  }
  return whole(name, lowest, lowest);
}

// "; there is no 'kernal=' for it; did you mean 'kernel'?" for the first value that nobody asked for.
std::string LayerArguments::unknown_values() const {
  for (const auto& [name, value] : values_) {
    if (asked_.count(name) > 0) continue;
    return "; there is no '" + name + "=' for it; " + suggestion(name, {asked_.begin(), asked_.end()});
  }
  return "";
}

void LayerArguments::finish() const {
  if (leading_used_ < leading_.size())
    complain("'" + leading_[leading_used_] + "' is more than this " + form_.noun + " takes");
  const std::string unknown = unknown_values();
  if (!unknown.empty()) complain(unknown.substr(2));
}

void LayerArguments::complain(const std::string& message) const {
  fail_usage(origin_, ": ", form_.noun, " '", line_, "': ", message);
}

}  // namespace lockstep::nn
