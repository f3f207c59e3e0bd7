// How many samples a step has: one number for the whole of a run, or others from certain epochs on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

class BatchSizes {
 public:
  struct Phase {
    int64_t after;  // so many epochs of the run
    int64_t samples;
    bool operator==(const Phase&) const = default;
  };

  // The same in all epochs, as it is in most runs; hence no `explicit`.
  BatchSizes(int64_t samples) : phases_{{0, samples}} {}
  // "64", or "64, 256 after 10, 1024 after 20" with ascending epochs; nothing where it is neither.
  static std::optional<BatchSizes> parse(const std::string& value);
  // As parse() reads it.
  std::string text() const;

  // Of an epoch, from 0.
  int64_t of_epoch(int64_t epoch) const;
  // At least one, in ascending order; the first is after 0 epochs.
  const std::vector<Phase>& phases() const { return phases_; }
  bool operator==(const BatchSizes&) const = default;

 private:
  explicit BatchSizes(std::vector<Phase> phases) : phases_(std::move(phases)) {}

  std::vector<Phase> phases_;
};

}  // namespace lockstep
