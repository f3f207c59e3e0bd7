#include "lockstep/dist/teams.h"

#include <utility>

namespace lockstep::dist {

namespace {

// A host's number is that of its first rank.
std::vector<int> hosts_of(comm::Group& group) {
  int first = group.rank();
  group.host().broadcast(&first, sizeof first, 0);
  std::vector<int> hosts(static_cast<size_t>(group.size()));
  group.allgather(&first, std::vector<uint64_t>(hosts.size(), sizeof first), hosts.data());
  return hosts;
}

}  // namespace

Teams::Teams(comm::Group& group) : Teams(hosts_of(group)) {}

Teams::Teams(std::vector<int> hosts) : hosts_(std::move(hosts)) {
  for (int rank = 0; rank < ranks(); ++rank) {
    if (rank == 0 || !share_host(rank - 1, rank)) firsts_.push_back(rank);
    team_of_.push_back(static_cast<int>(firsts_.size()) - 1);
  }
  firsts_.push_back(ranks());
}

int Teams::courier(int team, int outsider) const {
  const Range members = of(team);
  const int64_t place = outsider < members.begin ? outsider : outsider - members.size();
  return static_cast<int>(members.begin + place * members.size() / (ranks() - members.size()));
}

}  // namespace lockstep::dist
