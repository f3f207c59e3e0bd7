// The start-up doctor: where the ranks run, what they compute and talk with, and what is wrong with that.
#pragma once

#include <string>
#include <vector>

#include "lockstep/comm/clock.h"
#include "lockstep/comm/group.h"
#include "lockstep/comm/placement.h"
#include "lockstep/comm/slurm.h"

namespace lockstep::comm {

// What is known of one rank.
struct RankFacts {
  Placement placement;
  int threads = 1;
  std::string instructions;  // "avx512_core"
  std::string transport;     // Group::transport()
  int shares_memory = 1;     // ranks of its Group::host()
  SlurmGrant slurm;
  ClockOffset clock;  // of the wall clock
};

// Collective; by rank, the same on all. `threads` and `instructions` are this rank's. Takes some twenty
// messages to each rank.
std::vector<RankFacts> examine(Group& group, const std::vector<Placement>& placements, int threads,
                               const std::string& instructions);

// A heading and a row for each host, in the order of ranks, each line with its end. Where the ranks of a host
// differ, "|" stands between what each has.
std::string doctor_table(const std::vector<RankFacts>& ranks);
// The same for the start of a run: nothing where one rank has no other.
std::string start_table(const std::vector<RankFacts>& ranks);

// What costs time or is not as it was asked for, with what to do; one element for each kind of trouble,
// however many ranks have it. What concerns hosts begins "on HOST, ".
std::vector<std::string> doctor_warnings(const std::vector<RankFacts>& ranks);

}  // namespace lockstep::comm
