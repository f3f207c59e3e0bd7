#include "lockstep/data/permutation.h"

#include <bit>

#include "lockstep/core/error.h"
#include "lockstep/core/random.h"

namespace lockstep::data {

namespace {
constexpr uint32_t kRounds = 6;
constexpr uint32_t kKeys = (1u << 24) / kRounds;  // streams are numbers of 24 bits
}  // namespace

Permutation::Permutation(uint64_t seed, uint32_t epoch, int64_t count, uint32_t key)
    : seed_(seed), epoch_(epoch), count_(count), key_(key % kKeys) {
  if (count < 1) fail("there is nothing to shuffle: ", count, " samples");
  const int bits = std::bit_width(static_cast<uint64_t>(count - 1));
  half_bits_ = (bits + 1) / 2;
}

uint64_t Permutation::encrypt(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const RandomStream function(seed_, Purpose::kShuffle, static_cast<uint32_t>(right), epoch_,
                                key_ * kRounds + round);
    const uint64_t mixed = left ^ (function.block(0)[0] & mask);
    left = right;
    right = mixed;
  }
  return (left << half_bits_) | right;
}

int64_t Permutation::operator()(int64_t place) const {
  uint64_t value = static_cast<uint64_t>(place);
  do {
    value = encrypt(value);
  } while (value >= static_cast<uint64_t>(count_));
  return static_cast<int64_t>(value);
}

}  // namespace lockstep::data
