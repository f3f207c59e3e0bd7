#include "lockstep/comm/placement.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace lockstep::comm {

namespace {

constexpr int kMostCores = 8192;
struct Mask {
  cpu_set_t bits[kMostCores / CPU_SETSIZE] = {};
};

std::vector<int> cores_of(const Mask& mask) {
  std::vector<int> cores;
  for (int core = 0; core < kMostCores; ++core) {
    if (CPU_ISSET_S(core, sizeof mask, mask.bits)) cores.push_back(core);
  }
  return cores;
}

// The kernel says what a control group leaves of the host to who asks for all of it.
std::vector<int> usable_cores(const Mask& mine) {
  Mask all;
  for (int core = 0; core < kMostCores; ++core) CPU_SET_S(core, sizeof all, all.bits);
  Mask usable = mine;
  if (sched_setaffinity(0, sizeof all, all.bits) == 0) {
    sched_getaffinity(0, sizeof usable, usable.bits);
    sched_setaffinity(0, sizeof mine, mine.bits);
  }
  return cores_of(usable);
}

size_t physical_cores(const std::vector<int>& cores) {
  std::set<std::string> siblings;
  for (const int core : cores) {
    std::string list = std::to_string(core);
    std::ifstream file("/sys/devices/system/cpu/cpu" + list + "/topology/thread_siblings_list");
    std::getline(file, list);
    siblings.insert(list);
  }
  return siblings.size();
}

// This process' host name, physical cores, cores and usable cores, as one line of text.
std::string describe_here() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  Mask mask;
  std::vector<int> cores;
  std::vector<int> usable;
  if (sched_getaffinity(0, sizeof mask, mask.bits) == 0) {
    cores = cores_of(mask);
    usable = usable_cores(mask);
  }
  if (cores.empty()) cores = usable = {0};
  std::ostringstream line;
  line << host << ' ' << physical_cores(cores) << ' ' << cores.size();
  for (const int core : cores) line << ' ' << core;
  for (const int core : usable) line << ' ' << core;
  return line.str();
}

Placement placement_from(const std::string& line) {
  std::istringstream words(line);
  Placement placement;
  size_t cores = 0;
  words >> placement.host >> placement.physical_cores >> cores;
  for (int core = 0; words >> core;) {
    (placement.cores.size() < cores ? placement.cores : placement.usable_cores).push_back(core);
  }
  return placement;
}

bool overlap(const std::vector<int>& a, const std::vector<int>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](int core) { return std::binary_search(b.begin(), b.end(), core); });
}

}  // namespace

std::vector<Placement> placements(Group& group) {
  std::vector<Placement> all;
  for (const auto& line : group.gather_texts(describe_here())) all.push_back(placement_from(line));
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
