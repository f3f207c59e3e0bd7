// Ranks as people read them.
#pragma once

#include <string>
#include <vector>

namespace lockstep::comm {

// "rank 3", "ranks 1, 2", "ranks 0, 2, 5 to 15"; beyond eight runs "and 12 more". Ranks in ascending order.
inline std::string rank_list(const std::vector<int>& ranks) {
  constexpr int kShown = 8;
  std::string list = ranks.size() == 1 ? "rank " : "ranks ";
  int shown = 0;
  for (size_t i = 0; i < ranks.size(); ++shown) {
    if (shown == kShown) return list + " and " + std::to_string(ranks.size() - i) + " more";
    size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    if (last < i + 2) last = i;  // two neighbours are no run
    list += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
    if (last > i) list += " to " + std::to_string(ranks[last]);
    i = last + 1;
  }
  return list;
}

}  // namespace lockstep::comm
