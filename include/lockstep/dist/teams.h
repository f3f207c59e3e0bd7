// Neighbouring ranks of one host, who combine what they send: it leaves the host once.
#pragma once

#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/dist/plan.h"

namespace lockstep::dist {

// A team is a run of consecutive ranks on one host, so its microbatches are one run too. Ranks of a host that
// are not neighbours, as mpirun --map-by node puts them, are several teams; a rank without neighbours is a
// team alone.
class Teams {
 public:
  // Collective. By Group::host().
  explicit Teams(comm::Group& group);
  // By rank, a number for its host.
  explicit Teams(std::vector<int> hosts);

  int ranks() const { return static_cast<int>(hosts_.size()); }
  int count() const { return static_cast<int>(firsts_.size()) - 1; }
  int team_of(int rank) const { return team_of_[static_cast<size_t>(rank)]; }
  // The ranks of a team.
  Range of(int team) const {
    return {firsts_[static_cast<size_t>(team)], firsts_[static_cast<size_t>(team) + 1]};
  }
  Range own(int rank) const { return of(team_of(rank)); }
  bool share_host(int a, int b) const {
    return hosts_[static_cast<size_t>(a)] == hosts_[static_cast<size_t>(b)];
  }

  // The microbatches of a team.
  Range run_of(const Plan& plan, int team) const {
    return {plan.of_rank(static_cast<int>(of(team).begin)).begin,
            plan.of_rank(static_cast<int>(of(team).end) - 1).end};
  }
  // Which rank of a team exchanges messages with a rank outside it, for the team. Outsiders are shared out
  // evenly, in runs.
  int courier(int team, int outsider) const;

 private:
  std::vector<int> hosts_;
  std::vector<int> team_of_;
  std::vector<int64_t> firsts_;  // the first rank of each team, and behind the last
};

}  // namespace lockstep::dist
