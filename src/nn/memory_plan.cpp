#include "memory_plan.h"

#include <algorithm>
#include <numeric>

namespace lockstep::nn {

MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes) {
  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<size_t> by_size(lifetimes.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].floats > lifetimes[b].floats; });
  std::vector<size_t> placed;  // by offset
  for (const size_t item : by_size) {
    const Lifetime& wanted = lifetimes[item];
    int64_t offset = 0;
    for (const size_t other : placed) {
      const Lifetime& there = lifetimes[other];
      if (there.first > wanted.last || wanted.first > there.last) continue;
      if (plan.offsets[other] >= offset + wanted.floats) break;  // the gap before it is wide enough
      offset = std::max(offset, plan.offsets[other] + there.floats);
    }
    plan.offsets[item] = offset;
    plan.floats = std::max(plan.floats, offset + wanted.floats);
    placed.insert(std::find_if(placed.begin(), placed.end(),
                               [&](size_t other) { return plan.offsets[other] > offset; }),
                  item);
  }
  return plan;
}

}  // namespace lockstep::nn
