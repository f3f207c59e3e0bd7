// A trained network applied to samples: what `trainer evaluate` does with each as it is, with the values for
// the caller.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lockstep/analysis/share.h"
#include "lockstep/core/buffer.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/unpack.h"
#include "lockstep/nn/network.h"

namespace lockstep::analysis {

// Samples, one row each, in natural order of their features.
struct Rows {
  int64_t count = 0;
  int64_t width = 0;
  std::vector<float> values;  // count x width

  std::span<const float> row(int64_t r) const {
    return std::span(values).subspan(static_cast<size_t>(r * width), static_cast<size_t>(width));
  }
};

// Collective. The samples [first, first + count) of a split as a network sees them, normalised; or those of
// these indices.
Rows inputs_of(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width,
               int64_t first, int64_t count);
Rows inputs_of(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width,
               std::span<const int64_t> indices);

// Not collective. Their labels; none where there are none.
std::vector<int32_t> labels_of(const data::Split& split, int64_t first, int64_t count);

class Forward {
 public:
  // Keeps references to all.
  Forward(const nn::Network& network, const float* parameters, const Team& team);

  // Collective. The network's output for each row of inputs: the same bits whatever other rows come along.
  Rows operator()(const Rows& inputs);
  // Not collective, on this thread: the same for the rows that one call gives.
  Rows local(const Rows& inputs, int slot = 0);

 private:
  static constexpr int64_t kColumns = 32;
  void pass(int64_t count, const float* inputs, int slot, float* outputs);

  const nn::Network& network_;
  const float* parameters_;
  Team team_;
  std::vector<nn::Workspace> workspaces_;  // one a thread
};

}  // namespace lockstep::analysis
