#include "lockstep/comm/placement.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

namespace lockstep::comm {

namespace {

// This process' host name and the cores of its affinity mask, as one line of text.
std::string describe_here() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  std::ostringstream line;
  line << host;
  cpu_set_t masks[8] = {};  // one holds 1,024 cores
  if (sched_getaffinity(0, sizeof masks, masks) == 0) {
    for (int core = 0; core < 8 * CPU_SETSIZE; ++core) {
      if (CPU_ISSET_S(core, sizeof masks, masks)) line << ' ' << core;
    }
  }
  return line.str();
}

Placement parse(const std::string& line) {
  std::istringstream words(line);
  Placement placement;
  words >> placement.host;
  for (int core = 0; words >> core;) placement.cores.push_back(core);
  if (placement.cores.empty()) placement.cores.push_back(0);
  return placement;
}

bool overlap(const std::vector<int>& a, const std::vector<int>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](int core) { return std::binary_search(b.begin(), b.end(), core); });
}

}  // namespace

std::vector<Placement> placements(Group& group) {
  std::vector<Placement> all;
  for (const auto& line : group.gather_texts(describe_here())) all.push_back(parse(line));
  for (Placement& mine : all) {
    mine.ranks_on_host = 0;
    mine.ranks_on_same_cores = 0;
    for (const Placement& other : all) {
      if (other.host != mine.host) continue;
      ++mine.ranks_on_host;
      if (overlap(mine.cores, other.cores)) ++mine.ranks_on_same_cores;
    }
    const int cores = static_cast<int>(mine.cores.size());
    mine.fair_threads = std::max(1, cores / mine.ranks_on_same_cores);
    mine.cores_are_shared = mine.ranks_on_same_cores > cores;
  }
  return all;
}

}  // namespace lockstep::comm
