// Work that falls into items which do not depend on each other: spread over ranks and threads, and the
// results on every rank. An item's result depends on the item alone, so the bits are the same for any number
// of either.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::analysis {

// Who computes.
struct Team {
  comm::Group& group;
  parallel::Workers& workers;
};

// Collective. Calls item(i, slot, result) for each i in 0..count-1, on one rank each; `result` has `values`
// elements, zero at first. Returns all results, one item after the other, on every rank. `slot` is that of
// Workers::for_each(). A failure on any rank is every rank's.
template <class Value>
std::vector<Value> share(const Team& team, int64_t count, int64_t values,
                         const std::function<void(int64_t item, int slot, std::span<Value> result)>& item) {
  static_assert(std::is_trivially_copyable_v<Value>);
  const int ranks = team.group.size();
  const auto first = [&](int rank) { return rank * count / ranks; };
  const int64_t begin = first(team.group.rank());
  std::vector<Value> mine(static_cast<size_t>((first(team.group.rank() + 1) - begin) * values));
  comm::together(team.group, [&] {
    team.workers.for_each(
        static_cast<int64_t>(mine.size()) / std::max<int64_t>(values, 1), [&](int64_t i, int slot) {
          item(begin + i, slot,
               std::span(mine).subspan(static_cast<size_t>(i * values), static_cast<size_t>(values)));
        });
  });
  std::vector<uint64_t> bytes;
  for (int r = 0; r < ranks; ++r) {
    bytes.push_back(static_cast<uint64_t>((first(r + 1) - first(r)) * values) * sizeof(Value));
  }
  std::vector<Value> all(static_cast<size_t>(count * values));
  team.group.allgather(mine.data(), bytes, all.data());
  return all;
}

}  // namespace lockstep::analysis
