// A vector register's floats as one value. It is never wider than the instruction set's vectors: compilers keep
// wider ones in memory, which is fifty times slower.
#pragma once

#include <cstring>

#include "lockstep/kernels/layout.h"

namespace lockstep::kernels {

using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline void store(const Vector& v, float* to) { std::memcpy(to, &v, sizeof v); }

// A loaded value that stays in its register. Compilers take loads for free and repeat them at every use,
// which costs half the speed where there are as many uses as the processor can load.
inline Vector held(Vector v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__AVX__)
  asm("" : "+x"(v));
#endif
  return v;
}

// The sum of the lanes, by halves.
inline float sum_lanes(const Vector& v) {
  float lanes[kLanes];
  store(v, lanes);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

}  // namespace lockstep::kernels
