// Sixteen samples at a time from rows (a sample's values one after the other) to columns (samples innermost):
// 16 x 16 values are transposed in registers, and converted on the way out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lockstep/data/unpack.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/kernels/permute.h"

namespace lockstep::data {

constexpr int64_t kGroup = 16;  // samples at a time, and values of each

// Sixteen stored numbers, and sixteen indices of the same width to shuffle them by.
template <class Value>
struct Sixteen;
template <>
struct Sixteen<unsigned char> {
  using Values = unsigned char __attribute__((vector_size(kGroup)));
  using Indices = signed char __attribute__((vector_size(kGroup)));
  using Index = signed char;
};
template <>
struct Sixteen<float> {
  using Values = float __attribute__((vector_size(kGroup * sizeof(float))));
  using Indices = int32_t __attribute__((vector_size(kGroup * sizeof(int32_t))));
  using Index = int32_t;
};
template <class Value>
using Values = typename Sixteen<Value>::Values;
template <class Value>
using Indices = typename Sixteen<Value>::Indices;

// value = raw * scale + offset, by lane: a lane without a sample has 0 and 0.
struct Conversion {
  float scale[kGroup];
  float offset[kGroup];
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

// Four perfect shuffles of the rows are a transposition, where the processor has vectors as wide as they are.
template <class Value>
void transpose(Values<Value> (&rows)[kGroup]) {
  if constexpr (sizeof(Values<Value>) > kernels::kLanes * sizeof(float)) {
    Value columns[kGroup][kGroup];
    for (int64_t i = 0; i < kGroup; ++i) {
      for (int64_t j = 0; j < kGroup; ++j) columns[j][i] = reinterpret_cast<const Value*>(&rows[i])[j];
    }
    std::memcpy(rows, columns, sizeof columns);
    return;
  }
  constexpr Indices<Value> kLow = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
  constexpr Indices<Value> kHigh = {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
#pragma GCC unroll 4
  for (int shuffle = 0; shuffle < 4; ++shuffle) {
    Values<Value> next[kGroup];
#pragma GCC unroll 8
    for (int i = 0; i < kGroup / 2; ++i) {
      next[2 * i] = kernels::permute(rows[i], rows[i + kGroup / 2], kLow);
      next[2 * i + 1] = kernels::permute(rows[i], rows[i + kGroup / 2], kHigh);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kGroup; ++i) rows[i] = next[i];
  }
}

// Compilers make one instruction of a loop that widens bytes to integers, and many of any other way.
template <class Value>
void convert(const Values<Value>& values, const Conversion& to, float* out) {
  const auto* from = reinterpret_cast<const Value*>(&values);
  for (int64_t l = 0; l < kGroup; ++l) out[l] = static_cast<float>(from[l]) * to.scale[l] + to.offset[l];
}

// `count` neighbouring values of sixteen samples, to as many rows of `out`.
template <class Value>
[[gnu::always_inline]] inline void write_columns(Values<Value> (&samples)[kGroup], int64_t count,
                                                 const Conversion& to, int64_t columns, float* out) {
  transpose<Value>(samples);
  for (int64_t f = 0; f < count; ++f) convert<Value>(samples[f], to, out + f * columns);
}

// Where the block of sixteen (or all of fewer) that holds place x begins; the last overlaps the one before.
inline int64_t block_begin(int64_t x, int64_t width) {
  return std::max<int64_t>(std::min(x, width - kGroup), 0);
}

// One plane of sixteen samples, as it is. planes[n] points at sample n's.
template <bool kNarrow, class Value>
void unpack_plane(const Value* const* planes, int64_t size, const Conversion& to, int64_t columns,
                  float* out) {
  const int64_t count = std::min(size, kGroup);
  for (int64_t x = 0; x < size; x += kGroup) {
    const int64_t begin = block_begin(x, size);
    Values<Value> samples[kGroup];
#pragma GCC unroll 16
    for (int64_t n = 0; n < kGroup; ++n) samples[n] = load_values<kNarrow>(planes[n] + begin, count);
    write_columns<Value>(samples, count, to, columns, out + begin * columns);
  }
}

}  // namespace lockstep::data
