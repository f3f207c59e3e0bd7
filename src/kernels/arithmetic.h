// The two arithmetics that the own matrix kernels are written for; their loops are the same.
//
// What they multiply are words of 32 bits, which lie in memory as floats. For Float32 a word is a float, one
// term of a sum. For Bf16 it is a pair: two terms of a sum, rounded to bf16, the first in the lower half. A
// product of pairs adds both terms to a sum in single precision. A word of pairs is loaded, stored, moved and
// multiplied, never computed with as the float that it is not.
#pragma once

#include <cstdint>
#include <cstring>

#include "lockstep/kernels/permute.h"
#include "lockstep/kernels/vector.h"

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace lockstep::kernels {

using Bits = uint32_t __attribute__((vector_size(kLanes * sizeof(uint32_t))));

// Up to a vector's worth; zeros beyond `count`.
inline Vector load_some(const float* from, int64_t count) {
  if (count >= kLanes) return load(from);
  float lanes[kLanes] = {};
  if (count > 0) std::memcpy(lanes, from, static_cast<size_t>(count) * sizeof(float));
  return load(lanes);
}

inline void store_some(const Vector& v, int64_t count, float* to) {
  if (count >= kLanes) return store(v, to);
  float lanes[kLanes];
  store(v, lanes);
  if (count > 0) std::memcpy(to, lanes, static_cast<size_t>(count) * sizeof(float));
}

#ifdef __AVX512BF16__

// Pairs (first[l], second[l]).
inline Vector pairs_of(const Vector& first, const Vector& second) {
  const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                         22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (Vector)_mm512_permutexvar_epi16(order, halves);
}

// Pairs of neighbours: (first[0], first[1]), (first[2], first[3]), ..., then those of second.
inline Vector neighbours_of(const Vector& first, const Vector& second) {
  return (Vector)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

inline Vector add_pairs(const Vector& sum, float factor, const Vector& values) {
  return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_ps(factor), (__m512bh)values);
}

#else

// The same for builds without the instructions, in which nobody but tests asks for bf16.
inline Bits upper_half(const Vector& v) {
  const Bits bits = (Bits)v;
  const Bits rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return (v == v ? rounded : bits | 0x400000u) & 0xffff0000u;
}

inline Vector pairs_of(const Vector& first, const Vector& second) {
  return (Vector)((upper_half(first) >> 16) | upper_half(second));
}

inline Vector neighbours_of(const Vector& first, const Vector& second) {
  Bits even;
  for (uint32_t l = 0; l < kLanes; ++l) even[l] = 2 * l;
  return pairs_of(permute(first, second, even), permute(first, second, even + 1u));
}

inline Vector add_pairs(const Vector& sum, float factor, const Vector& values) {
  const Vector factors = Vector{} + 0.0f + factor;
  const Vector first = (Vector)((Bits)factors << 16) * (Vector)((Bits)values << 16);
  return sum + first + (Vector)((Bits)factors & 0xffff0000u) * (Vector)((Bits)values & 0xffff0000u);
}

#endif

struct Float32 {
  static constexpr int64_t kTerms = 1;  // of a word
  static Vector add_product(const Vector& sum, float factor, const Vector& values) {
    return sum + factor * values;
  }
  // A vector of words that hold neighbouring terms, zeros beyond `count` of them.
  static Vector words(const float* from, int64_t count) { return load_some(from, count); }
};

struct Bf16 {
  static constexpr int64_t kTerms = 2;
  static Vector add_product(const Vector& sum, float factor, const Vector& values) {
    return add_pairs(sum, factor, values);
  }
  static Vector words(const float* from, int64_t count) {
    return neighbours_of(load_some(from, count), load_some(from + kLanes, count - kLanes));
  }
};

template <class Arithmetic>
constexpr int64_t words_for(int64_t terms) {
  return (terms + Arithmetic::kTerms - 1) / Arithmetic::kTerms;
}

}  // namespace lockstep::kernels
