// Where values lie in one block of memory, so that those of different times share it.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep::nn {

// Memory that is wanted from one moment to another, both included.
struct Lifetime {
  int64_t floats = 0;
  int64_t first = 0;
  int64_t last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // one a lifetime, in floats
  int64_t floats = 0;            // of the whole block
};

// What lives at the same moment does not overlap. The largest are placed first, each as low as it fits; a
// function of the lifetimes alone.
MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes);

}  // namespace lockstep::nn
