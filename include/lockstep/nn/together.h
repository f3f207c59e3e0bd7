// Microbatches that go through a network side by side, because it has layers that need sums over all of them.
//
// Each of this rank's microbatches has a workspace of its own. All go up to the next such layer, its sums are
// formed over the microbatches of all ranks, and all go on; backward likewise.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lockstep/nn/network.h"

namespace lockstep::nn {

struct Member {
  Pass pass;  // whose `together` is set
  Workspace* workspace = nullptr;
  float* gradient = nullptr;  // of backward_together()
  // Between two layers, told how many floats of the gradient will not change any more; as backward() has it.
  std::function<void(int64_t floats)> reached;
};

struct Company {
  // Calls task(member) for each of this rank's members, which may be none; from several threads, as one
  // likes.
  std::function<void(const std::function<void(size_t member)>& task)> for_each;
  // From this rank's terms, one member after the other, to their sums over all microbatches of the minibatch.
  // None where another rank has failed: then this step is over.
  std::function<std::optional<std::vector<double>>(std::span<const double> terms)> sum;
};

}  // namespace lockstep::nn
