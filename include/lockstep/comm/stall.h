// Whether all ranks move on, and what to say where they do not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/comm/placement.h"
#include "lockstep/comm/whereabouts.h"

namespace lockstep::comm {

// What one rank was at when it was last heard of.
struct Sighting {
  int64_t step = 0;
  std::string doing = "has not been heard of";
  double seconds = 0;  // that it was there by then
  double silent = 0;   // since then
};

// Whether some rank has been at one thing, or not been heard of, for longer than this (seconds).
bool is_stall(const std::vector<Sighting>& ranks, double limit);

// What every rank is at, for people: those that are silent first, then those that others wait for, then those
// that wait; ranks that are at the same thing share a line. One element a rank.
std::string stall_report(const std::vector<Sighting>& ranks, const std::vector<Placement>& placements,
                         double limit);

// How a watch is made: what this rank is at, after how many seconds to complain, and what to do then.
struct WatchOrder {
  const Whereabouts& here;
  double limit;
  const std::vector<Placement>& placements;
  std::function<std::string()> advice;  // called on the watching thread
};

// On standard error, what a rank says where it finds a stall.
void print_stall(const std::vector<Sighting>& ranks, const WatchOrder& order);

// Watches from construction to destruction, on a thread of its own. Where some rank stops, one rank says so
// on standard error with stall_report() and `advice()`, and all ranks are ended with exit code 1.
class StallWatch {
 public:
  virtual ~StallWatch() = default;
};

}  // namespace lockstep::comm
