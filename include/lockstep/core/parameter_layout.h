// Where each parameter lies in the flat arena that parameters, gradients and optimizer state share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

// The arena is cut into blocks of this many floats. Each parameter starts a block of its own; what is left of
// its last block stays zero. Blocks are the unit of ownership among ranks and of sums over parameters, so
// that both have an order that no rank count changes.
constexpr int64_t kBlock = 256;

struct ParameterInfo {
  std::string layer;          // "conv1"
  std::string name;           // "weights", "bias"
  std::vector<int64_t> dims;  // natural layout: OIHW for convolutions, OI for linear
  int64_t offset = 0;         // floats from the arena's start
  int64_t size = 0;           // floats, without the padding
  // Of a statistic, such as a running mean, which is observed and not learned: what its "gradient" holds is
  // an observation, and a step makes of it keep * value + (1 - keep) * observation.
  std::optional<float> keep = std::nullopt;
  bool learns = true;  // false: training leaves it as it is, to the bit
};

class ParameterLayout {
 public:
  // Appends a parameter and returns its index. Networks append in backward order. What does not learn comes
  // behind all that does.
  int64_t add(std::string layer, std::string name, std::vector<int64_t> dims,
              std::optional<float> keep = std::nullopt, bool learns = true);

  const std::vector<ParameterInfo>& parameters() const { return parameters_; }
  int64_t floats() const { return floats_; }  // of the arena, padding included
  // The part of the arena, from its start, that learns: as long are gradients and optimizer state.
  int64_t learned_floats() const { return learned_floats_; }
  int64_t count() const;          // of numbers, padding left out
  int64_t learned_count() const;  // of those that learn

  // Calls visit(parameter, begin, end) for the part of each parameter that lies in the blocks [begin, end) of
  // the arena, padding included.
  template <class Visit>
  void for_each_part(int64_t begin, int64_t end, const Visit& visit) const {
    if (begin >= end) return;
    const auto starts_behind = [](int64_t place, const ParameterInfo& p) { return place < p.offset; };
    auto p = std::upper_bound(parameters_.begin(), parameters_.end(), begin, starts_behind);
    for (--p; begin < end; ++p) {
      const int64_t part_end = std::min(end, p->offset + (p->size + kBlock - 1) / kBlock * kBlock);
      visit(*p, begin, part_end);
      begin = part_end;
    }
  }

  // The digest of all parameters' names, shapes and values: what `trainer` prints.
  std::string digest(const float* arena) const;

 private:
  std::vector<ParameterInfo> parameters_;
  int64_t floats_ = 0;
  int64_t learned_floats_ = 0;
};

}  // namespace lockstep
