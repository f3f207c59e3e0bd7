// Where the ranks run: hosts, cores, and the threads that are a rank's fair share.
#pragma once

#include <string>
#include <vector>

#include "lockstep/comm/group.h"

namespace lockstep::comm {

struct Placement {
  std::string host;
  std::vector<int> cores;  // that this rank may run on (its affinity mask)
  int physical_cores = 1;  // that those are hyperthreads of
  std::vector<int>
      usable_cores;  // of the host, whatever this rank was bound to, less what a control group denies
  int ranks_on_host = 1;
  int ranks_on_same_cores = 1;    // ranks of this host whose cores overlap with this rank's, itself included
  int fair_threads = 1;           // cores / ranks_on_same_cores, at least 1
  bool cores_are_shared = false;  // more ranks than cores: some core has to serve two
};

// Collective: of every rank, by rank.
std::vector<Placement> placements(Group& group);

}  // namespace lockstep::comm
