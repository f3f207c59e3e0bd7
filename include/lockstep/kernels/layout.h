// How activations lie in memory.
//
// A microbatch's activation is a matrix [features x columns], row major: features in the natural order
// (channel, then row, then column of the picture), and the samples innermost. Columns are the samples rounded
// up to whole cache lines, which are whole vectors. So every kernel runs along samples with full vectors,
// whatever the channel count (1, 3, 20 or 50 cost what they should), a picture's row is one contiguous piece,
// matrix products need no reordering, and weights keep their natural layout. The columns beyond the samples
// hold finite numbers that nobody reads; their deltas are zero.
#pragma once

#include <cstdint>

namespace lockstep::kernels {

constexpr int64_t kLineFloats = 16;  // of a cache line

// Floats of the widest vector that the build's instruction set has, and how many such vectors its registers
// hold: kernels keep their sums in them.
#if defined(__AVX512F__)
constexpr int64_t kLanes = 16;
constexpr int kVectorRegisters = 32;
#elif defined(__AVX__)
constexpr int64_t kLanes = 8;
constexpr int kVectorRegisters = 16;
#else
constexpr int64_t kLanes = 4;
constexpr int kVectorRegisters = 16;
#endif

inline int64_t columns_for(int64_t samples) {
  return (samples + kLineFloats - 1) / kLineFloats * kLineFloats;
}

}  // namespace lockstep::kernels
