// Ranks chosen by what is known of them.
#pragma once

#include <algorithm>
#include <vector>

#include "lockstep/comm/doctor.h"

namespace lockstep::comm {

// In ascending order.
template <class Holds>
std::vector<int> ranks_where(const std::vector<RankFacts>& ranks, const Holds& holds) {
  std::vector<int> found;
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (holds(ranks[r])) found.push_back(static_cast<int>(r));
  }
  return found;
}

// In the order of their first ranks.
inline std::vector<std::string> hosts_of(const std::vector<RankFacts>& ranks, const std::vector<int>& which) {
  std::vector<std::string> hosts;
  for (const int rank : which) {
    const std::string& host = ranks[static_cast<size_t>(rank)].placement.host;
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  return hosts;
}

// "0-3,6" of ascending numbers.
inline std::string ranges(const std::vector<int>& numbers) {
  std::string list;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t first = i;
    while (i + 1 < numbers.size() && numbers[i + 1] == numbers[i] + 1) ++i;
    list += (first == 0 ? "" : ",") + std::to_string(numbers[first]);
    if (i > first) list += "-" + std::to_string(numbers[i]);
  }
  return list;
}

}  // namespace lockstep::comm
