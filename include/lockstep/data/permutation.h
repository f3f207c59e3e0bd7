// Orders without memory: a function of (seed, epoch), the same on all ranks.
#pragma once

#include <array>
#include <cstdint>

namespace lockstep::data {

// A pseudo-random bijection of 0..count-1: a Feistel network over the next power of four, with Philox as its
// round function; values outside are walked back in (Black, Rogaway 2002, "Ciphers with arbitrary finite
// domains").
class Permutation {
 public:
  // Another one for each `key`.
  Permutation(uint64_t seed, uint32_t epoch, int64_t count, uint32_t key = 0);
  int64_t operator()(int64_t place) const;
  int64_t count() const { return count_; }

 private:
  uint64_t encrypt(uint64_t value) const;

  uint64_t seed_;
  uint32_t epoch_;
  int64_t count_;
  uint32_t key_;
  int half_bits_;
};

}  // namespace lockstep::data
