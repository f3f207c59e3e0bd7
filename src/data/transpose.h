// Sixteen samples at a time from rows (a sample's values one after the other) to columns (samples innermost):
// 16 x 16 values are transposed in registers, and converted on the way out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lockstep/data/unpack.h"
#include "lockstep/kernels/vector.h"

namespace lockstep::data {

using kernels::kLanes;
using kernels::Vector;

using Whole = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

// Sixteen stored numbers, and sixteen indices of the same width to shuffle them by.
template <class Value>
struct Sixteen;
template <>
struct Sixteen<unsigned char> {
  using Values = unsigned char __attribute__((vector_size(kLanes)));
  using Indices = signed char __attribute__((vector_size(kLanes)));
  using Index = signed char;
};
template <>
struct Sixteen<float> {
  using Values = Vector;
  using Indices = Whole;
  using Index = int32_t;
};
template <class Value>
using Values = typename Sixteen<Value>::Values;
template <class Value>
using Indices = typename Sixteen<Value>::Indices;

// value = raw * scale + offset, by lane: a lane without a sample has 0 and 0.
struct Conversion {
  Vector scale;
  Vector offset;
};

// kNarrow: there are only `count` values, fewer than sixteen.
template <bool kNarrow, class Value>
Values<Value> load_values(const Value* from, int64_t count) {
  Values<Value> values{};
  if constexpr (kNarrow) {
    for (int64_t i = 0; i < count; ++i) values[i] = from[i];
  } else {
    std::memcpy(&values, from, sizeof values);
  }
  return values;
}

// Four perfect shuffles of the rows are a transposition.
template <class Value>
void transpose(Values<Value> (&rows)[kLanes]) {
  constexpr Indices<Value> kLow = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
  constexpr Indices<Value> kHigh = {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
#pragma GCC unroll 4
  for (int shuffle = 0; shuffle < 4; ++shuffle) {
    Values<Value> next[kLanes];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = __builtin_shuffle(rows[i], rows[i + kLanes / 2], kLow);
      next[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + kLanes / 2], kHigh);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

inline Vector floats(const Values<float>& values) { return values; }

// Compilers make one instruction of a loop that widens bytes to integers, and many of any other way.
inline Vector floats(const Values<unsigned char>& values) {
  const auto* from = reinterpret_cast<const unsigned char*>(&values);
  Whole whole;
  for (int64_t l = 0; l < kLanes; ++l) whole[l] = from[l];
  return __builtin_convertvector(whole, Vector);
}

// `count` neighbouring values of sixteen samples, to as many rows of `out`.
template <class Value>
[[gnu::always_inline]] inline void write_columns(Values<Value> (&samples)[kLanes], int64_t count,
                                                 const Conversion& to, int64_t columns, float* out) {
  transpose<Value>(samples);
  for (int64_t f = 0; f < count; ++f)
    kernels::store(floats(samples[f]) * to.scale + to.offset, out + f * columns);
}

// Where the block of sixteen (or all of fewer) that holds place x begins; the last overlaps the one before.
inline int64_t block_begin(int64_t x, int64_t width) {
  return std::max<int64_t>(std::min(x, width - kLanes), 0);
}

// One plane of sixteen samples, as it is. planes[n] points at sample n's.
template <bool kNarrow, class Value>
void unpack_plane(const Value* const* planes, int64_t size, const Conversion& to, int64_t columns,
                  float* out) {
  const int64_t count = std::min(size, kLanes);
  for (int64_t x = 0; x < size; x += kLanes) {
    const int64_t begin = block_begin(x, size);
    Values<Value> samples[kLanes];
#pragma GCC unroll 16
    for (int64_t n = 0; n < kLanes; ++n) samples[n] = load_values<kNarrow>(planes[n] + begin, count);
    write_columns<Value>(samples, count, to, columns, out + begin * columns);
  }
}

}  // namespace lockstep::data
