// Counter-based random numbers: a number is a function of (seed, purpose, time, item, position) alone.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), from
// Random123. Nothing here depends on rank, thread or the order of calls, which is what makes runs repeatable
// anywhere.
#pragma once

#include <array>
#include <cstdint>

namespace lockstep {

// What the numbers are for. A new use gets a new value; old values keep theirs, since results depend on them.
enum class Purpose : uint32_t {
  kInitialise = 1,
  kShuffle = 2,
  kDropout = 3,
  kDigits = 4,
  kTest = 5,
  kAugment = 6,
