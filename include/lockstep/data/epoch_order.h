// The order of an epoch's samples: a function of (seed, epoch), the same on all ranks, without memory.
#pragma once

#include <cstdint>

#include "lockstep/core/shuffle.h"
#include "lockstep/data/permutation.h"

namespace lockstep::data {

class EpochOrder {
 public:
  EpochOrder(uint64_t seed, uint32_t epoch, int64_t samples, const Shuffle& shuffle);

  // The sample at a place. Pools follow one another; samples behind the last whole block are of the last one.
  int64_t operator()(int64_t place) const;

 private:
  int64_t in_blocks(int64_t place) const;

  uint64_t seed_;
  uint32_t epoch_;
  int64_t samples_;
  Shuffle shuffle_;
  Permutation order_;  // of the samples, or of the whole blocks
};

}  // namespace lockstep::data
