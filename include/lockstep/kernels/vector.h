// A vector register's floats as one value. It is never wider than the instruction set's vectors: compilers
// keep wider ones in memory, which is fifty times slower.
#pragma once

#include "lockstep/kernels/layout.h"

namespace lockstep::kernels {

using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));

// The same anywhere in memory. (Of a memcpy, compilers make moves of half a vector for some processors.)
typedef float LooseVector  // g++ 12 takes no `using` here
    __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float)), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const LooseVector*>(from); }
inline void store(Vector v, float* to) { *reinterpret_cast<LooseVector*>(to) = v; }

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
inline float sum_lanes(Vector v) {
  float lanes[kLanes];
  store(v, lanes);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

}  // namespace lockstep::kernels
