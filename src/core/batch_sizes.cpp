#include "lockstep/core/batch_sizes.h"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace lockstep {

namespace {

std::optional<int64_t> positive(const std::string& word) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || number < 1) return std::nullopt;
  return number;
}

// "64", or "256 after 10".
std::optional<BatchSizes::Phase> parse_phase(const std::string& part) {
  std::istringstream stream(part);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.size() != 1 && (words.size() != 3 || words[1] != "after")) return std::nullopt;
  const auto samples = positive(words[0]);
  const auto after = words.size() == 3 ? positive(words[2]) : std::optional<int64_t>(0);
  if (!samples || !after) return std::nullopt;
  return BatchSizes::Phase{*after, *samples};
}

}  // namespace

std::optional<BatchSizes> BatchSizes::parse(const std::string& value) {
  std::vector<Phase> phases;
  for (size_t begin = 0; begin <= value.size();) {
    const size_t end = std::min(value.find(',', begin), value.size());
    const auto phase = parse_phase(value.substr(begin, end - begin));
    const bool is_first = phases.empty();
    if (!phase || (phase->after == 0) != is_first) return std::nullopt;
    if (!is_first && phase->after <= phases.back().after) return std::nullopt;
    phases.push_back(*phase);
    begin = end + 1;
  }
  return BatchSizes(std::move(phases));
}

std::string BatchSizes::text() const {
  std::string result;
  for (const Phase& phase : phases_) {
    if (phase.after > 0) result += ", ";
    result += std::to_string(phase.samples);
    if (phase.after > 0) result += " after " + std::to_string(phase.after);
  }
  return result;
}

int64_t BatchSizes::of_epoch(int64_t epoch) const {
  int64_t samples = 0;
  for (const Phase& phase : phases_) {
    if (phase.after <= epoch) samples = phase.samples;
  }
  return samples;
}

}  // namespace lockstep
