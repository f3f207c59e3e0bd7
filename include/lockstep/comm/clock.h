// How the clocks of the ranks compare, and how fast messages are: from messages there and back.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lockstep/comm/group.h"

namespace lockstep::comm {

// Nanoseconds of some clock of this rank.
using ReadClock = std::function<int64_t()>;

int64_t wall_clock();    // since 1970, as log lines and files have it
int64_t steady_clock();  // never set back; what recordings have; each host counts from a start of its own

// One rank's clock beside rank 0's, in seconds.
struct ClockOffset {
  double ahead = 0;        // what the rank's clock shows less what rank 0's shows at the same time,
  double uncertainty = 0;  // give or take this
  double round_trip = 0;   // of the fastest message to the rank and back
};

// Collective; the result is by rank, the same on all, and zero for rank 0. Rank 0 sends each rank `rounds`
// empty messages, one after the other, which that rank answers with a reading of its clock; it was read
// between question and answer, so the fastest pair of them tells the offset to within half its time. The
// first message to a rank may set up the connection, so one round tells little.
std::vector<ClockOffset> clock_offsets(Group& group, const ReadClock& now, int rounds = 20);

// Collective; by rank, the same on all, and 0 for rank 0. Bytes per second of messages of `bytes` (rounded
// down to whole floats) between rank 0 and each rank, the best of `rounds` there and back.
std::vector<double> message_rates(Group& group, int64_t bytes, int rounds = 5);

}  // namespace lockstep::comm
