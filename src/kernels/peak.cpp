#include "lockstep/kernels/peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lockstep::kernels {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Enough to hide the latency of two operations a cycle, and few enough for 16 registers.
constexpr int kAccumulators = 12;

template <int Lanes>
using Floats __attribute__((vector_size(Lanes * sizeof(float)))) = float;

// Rounds of a = a x factor + term for every accumulator. Returns something that depends on all, so that no
// compiler leaves them out.
template <int Lanes>
float multiply_and_add(int64_t rounds, float factor, float term) {
  // Each from a number of its own, or compilers would see that all are the same and keep one.
  Floats<Lanes> sums[kAccumulators];
  for (int a = 0; a < kAccumulators; ++a) sums[a] = Floats<Lanes>{} + term * static_cast<float>(a);
  for (int64_t r = 0; r < rounds; ++r) {
    for (int a = 0; a < kAccumulators; ++a) sums[a] = sums[a] * factor + term;
  }
  for (int a = 1; a < kAccumulators; ++a) sums[0] += sums[a];
  float sum = 0;
  for (int l = 0; l < Lanes; ++l) sum += sums[0][l];
  return sum;
}

template <int Lanes>
double fastest_of(milliseconds time) {
  constexpr int64_t kRounds = 20000;
  // Unknown to the compiler; the sums stay finite.
  volatile float factor = 0.75f;
  volatile float term = 0.25f;
  volatile float sink = 0;
  double best = 0;
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    const auto start = Clock::now();
    sink = multiply_and_add<Lanes>(kRounds, factor, term);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, 2.0 * Lanes * kAccumulators * kRounds / seconds);
  }
  static_cast<void>(sink);
  return best;
}

}  // namespace

double measure_peak_flops() {
  // The widest vectors that the build's instruction set has win.
  return std::max(
      {fastest_of<4>(milliseconds(10)), fastest_of<8>(milliseconds(10)), fastest_of<16>(milliseconds(30))});
}

}  // namespace lockstep::kernels
