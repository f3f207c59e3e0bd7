// Work that falls into items which do not depend on each other: spread over ranks and threads, and the
// results on every rank. An item's result depends on the item alone, so the bits are the same for any number
// of either.
#pragma once

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

// The first of a rank's items, where `count` are shared: it has those from its first to the next rank's.
inline int64_t first_item(const comm::Group& group, int64_t count, int rank) {
  return rank * count / group.size();
}

// Collective. Every rank's items, of `values` elements each, one after the other, on every rank.
template <class Value>
std::vector<Value> gather_items(const Team& team, int64_t count, int64_t values,
                                const std::vector<Value>& mine) {
  static_assert(std::is_trivially_copyable_v<Value>);
  std::vector<uint64_t> bytes;
  for (int r = 0; r < team.group.size(); ++r) {
    const int64_t items = first_item(team.group, count, r + 1) - first_item(team.group, count, r);
    bytes.push_back(static_cast<uint64_t>(items * values) * sizeof(Value));
  }
  std::vector<Value> all(static_cast<size_t>(count * values));
  team.group.allgather(mine.data(), bytes, all.data());
  return all;
}

// Collective. Calls item(i, slot, result) for each i in 0..count-1, on one rank each; `result` has `values`
// elements, zero at first. Returns all results, one item after the other, on every rank. `slot` is that of
// Workers::for_each(). A failure on any rank is every rank's.
template <class Value>
std::vector<Value> share(const Team& team, int64_t count, int64_t values,
                         const std::function<void(int64_t item, int slot, std::span<Value> result)>& item) {
  const int64_t begin = first_item(team.group, count, team.group.rank());
  const int64_t items = first_item(team.group, count, team.group.rank() + 1) - begin;
  std::vector<Value> mine(static_cast<size_t>(items * values));
  comm::together(team.group, [&] {
    team.workers.for_each(items, [&](int64_t i, int slot) {
      item(begin + i, slot,
           std::span(mine).subspan(static_cast<size_t>(i * values), static_cast<size_t>(values)));
    });
  });
  return gather_items(team, count, values, mine);
}

}  // namespace lockstep::analysis
