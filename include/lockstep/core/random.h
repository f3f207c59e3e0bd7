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
  kCentres = 7,
  kCorrupt = 8,
  kPatches = 20,
  kGenerate = 30,
  kDynamics = 40,
};

// One independent stream of 32-bit words. Copyable and cheap; create one where it is needed.
class RandomStream {
 public:
  // item: a sample's index or the like; time: the epoch or step; stream: a layer's index or the like (24
  // bits).
  RandomStream(uint64_t seed, Purpose purpose, uint32_t item, uint32_t time = 0, uint32_t stream = 0);

  uint32_t word();  // uniform over 32 bits
  float uniform();  // uniform in [0, 1), 24 bits
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  float normal();              // standard normal (Box and Muller)
  uint32_t below(uint32_t n);  // uniform in 0..n-1 (n > 0), without bias beyond 2^-32

  // The four words at a position, without moving the stream.
  std::array<uint32_t, 4> block(uint32_t position) const;

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;  // [0] counts blocks
  std::array<uint32_t, 4> words_{};
  int used_ = 4;
  float spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace lockstep
