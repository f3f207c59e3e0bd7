// Lanes of vectors, chosen by number.
#pragma once

#include <cstddef>

namespace lockstep::kernels {

// Lane l of the result is lane from[l] of `first`, or of `second` beyond its last; numbers wrap around. Any
// vectors of g++'s vector_size, and integers as wide.
template <class Values, class Indices>
inline Values permute(const Values& first, const Values& second, const Indices& from) {
#ifdef __clang__  // has no such builtin but for constants
  constexpr size_t kWide = sizeof(Values) / sizeof(first[0]);
  Values result;
  for (size_t l = 0; l < kWide; ++l) {
    const size_t lane = static_cast<size_t>(from[l]) % (2 * kWide);
    result[l] = lane < kWide ? first[lane] : second[lane - kWide];
  }
  return result;
#else
  return __builtin_shuffle(first, second, from);
#endif
}

template <class Values, class Indices>
inline Values permute(const Values& values, const Indices& from) {
#ifdef __clang__
  return permute(values, values, from);
#else
  return __builtin_shuffle(values, from);
#endif
}

}  // namespace lockstep::kernels
