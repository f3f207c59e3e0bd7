#include "lockstep/data/epoch_order.h"

#include <algorithm>

namespace lockstep::data {

namespace {

// Keys of permutations; pool p has kPools + p.
constexpr uint32_t kSamples = 0;
constexpr uint32_t kBlocks = 1;
constexpr uint32_t kPools = 2;

Permutation outermost(uint64_t seed, uint32_t epoch, int64_t samples, const Shuffle& shuffle) {
  if (shuffle.block == 0) return {seed, epoch, samples, kSamples};
  return {seed, epoch, std::max<int64_t>(samples / shuffle.block, 1), kBlocks};
}

}  // namespace

EpochOrder::EpochOrder(uint64_t seed, uint32_t epoch, int64_t samples, const Shuffle& shuffle)
    : seed_(seed),
      epoch_(epoch),
      samples_(samples),
      shuffle_(shuffle),
      order_(outermost(seed, epoch, samples, shuffle)) {}

int64_t EpochOrder::operator()(int64_t place) const {
  return shuffle_.block == 0 ? order_(place) : in_blocks(place);
}

int64_t EpochOrder::in_blocks(int64_t place) const {
  const int64_t block = shuffle_.block;
  const int64_t blocks = samples_ / block;
  const int64_t pools = std::max<int64_t>((blocks + shuffle_.pool - 1) / shuffle_.pool, 1);
  const int64_t pool = std::min(place / (block * shuffle_.pool), pools - 1);
  const int64_t first = pool * shuffle_.pool;  // block, in their order
  const int64_t begin = first * block;         // place
  const int64_t end = pool == pools - 1 ? samples_ : begin + shuffle_.pool * block;
  const Permutation within(seed_, epoch_, end - begin, kPools + static_cast<uint32_t>(pool));
  const int64_t drawn = begin + within(place - begin);
  if (drawn >= blocks * block) return drawn;  // behind the last whole block
  return order_(drawn / block) * block + drawn % block;
}

}  // namespace lockstep::data
