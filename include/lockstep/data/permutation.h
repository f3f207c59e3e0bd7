// The order of an epoch's samples: a function of (seed, epoch), the same on all ranks, without memory.
#pragma once

#include <array>
#include <cstdint>

namespace lockstep::data {

// A pseudo-random bijection of 0..count-1: a Feistel network over the next power of four, with Philox as its
// round function; values outside are walked back in (Black, Rogaway 2002, "Ciphers with arbitrary finite
// domains").
class Permutation {
 public:
  Permutation(uint64_t seed, uint32_t epoch, int64_t count);
  int64_t operator()(int64_t place) const;
  int64_t count() const { return count_; }

 private:
  uint64_t encrypt(uint64_t value) const;

  uint64_t seed_;
  uint32_t epoch_;
  int64_t count_;
  int half_bits_;
};

}  // namespace lockstep::data
