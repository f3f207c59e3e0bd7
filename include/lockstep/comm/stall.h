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

// The ranks that are silent: stopped, dead or cut off.
std::vector<int> silent_ranks(const std::vector<Sighting>& ranks, double limit);

// What can be saved of a run that stands still. Called by the ranks' watching threads, once; the run ends
// then, whatever comes of it.
class Salvage {
 public:
  virtual ~Salvage() = default;
  // On rank 0: takes over what it has of the last whole step, behind which it does not go from then on. False
  // where there is none, or the next one is being made.
  virtual bool begin() = 0;
  // On another rank: likewise, for rank 0. Empty where there is none.
  virtual std::vector<char> part() = 0;
  // On rank 0: takes over what a rank's part() gave. Fails where it is of another step.
  virtual void add(const std::vector<char>& part) = 0;
  // On rank 0, when it has all. Returns what it has saved, for people.
  virtual std::string save() = 0;
};

// On rank 0: all of that, with parts of other ranks from `part_of`. Fails where a rank has none.
std::string save_parts(Salvage& salvage, int ranks,
                       const std::function<std::vector<char>(int rank)>& part_of);

// How a watch is made: what this rank is at, after how many seconds to complain, and what to do then.
struct WatchOrder {
  const Whereabouts& here;
  double limit;
  const std::vector<Placement>& placements;
  Salvage* salvage;                     // null where nothing is to be saved
  std::function<std::string()> advice;  // called on the watching thread
};

// What a rank that finds a stall does before all are ended: says so on standard error; lets `save` collect
// and write what the order's salvage, if any, can, for `limit` seconds at most; gives the advice.
void conclude_stall(const std::vector<Sighting>& ranks, const WatchOrder& order,
                    const std::function<std::string()>& save);

// Watches from construction to destruction, on a thread of its own. Where some rank stops, one rank does
// conclude_stall(), and all ranks are ended with exit code 1.
class StallWatch {
 public:
  virtual ~StallWatch() = default;
};

}  // namespace lockstep::comm
