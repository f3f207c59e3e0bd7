// The memory in which the ranks of a team see each other's gradients and have their parameters, and how far
// they are.
#pragma once

#include <cstdint>
#include <vector>

#include "lockstep/comm/shared_memory.h"
#include "lockstep/dist/teams.h"
#include "lockstep/dist/tree.h"

namespace lockstep::dist {

// What a rank counts since the board was made. What it wrote before it counted is there for the
// others once they see the count.
enum class Count {
  kShown,   // buckets of which its sums are final
  kUsed,    // buckets of which it needs nobody's sums any more
  kPlaced,  // buckets of new parameters that are there, as far as they are this rank's to place
};

// For a team of one there is nothing to show: no memory, and nobody to wait for.
class TeamBoard {
 public:
  // Collective over the group's host.
  TeamBoard(comm::Group& group, const Teams& teams);

  // Collective over the group's host. Moves each rank's own memory to where its team sees it; what was in it
  // is lost. That of a team of one stays.
  void show(Buffer& own);
  // Where in what it shows the values of its n-th node begin, of a rank of the team.
  void set_node(size_t n, const float* values);
  float* node(int rank, size_t n) const;

  // Collective over the group's host. Moves values, the same on every rank, to where the team has them in
  // common; those of a team of one stay.
  void share(Buffer& values) const;

  // Any thread, one at a time.
  void add(Count what, uint64_t more = 1);
  // Whether everybody else of the team has counted this far.
  bool others_have(Count what, uint64_t count) const;

 private:
  // A rank's, on cache lines of its own.
  struct alignas(64) Counts {
    uint64_t of[3];
    int64_t nodes[kMostNodes];  // floats from the start of what it shows
  };
  bool is_here(int team) const;  // whether it is one of this host's, and has something to share
  int64_t counts_before(int team) const;
  uint64_t& count_of(int64_t rank, Count what) const;

  comm::Group& group_;
  const Teams& teams_;
  Range members_;              // of this rank's team
  comm::SharedMemory common_;  // for each team of the host, its ranks' counts
  Counts* counts_;             // in it, of the members
  std::vector<comm::SharedMemory> of_others_;
  std::vector<float*> shown_;  // by member
};

}  // namespace lockstep::dist
