// Elementary functions that compilers turn into vector code, the same bits whatever C library is installed.
//
// Relative errors are stated for float; each is tested against double precision.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace lockstep::kernels {

// e^x, to 2e-7; 0 below -87.3, the largest finite power above 88.
inline float vexp(float x) {
  // Cody and Waite's reduction: x = n ln 2 + r with |r| <= ln 2 / 2; then a polynomial for e^r (Cephes).
  // Comparisons, since std::fmin and its like are calls that keep loops from becoming vector code.
  const float above = x > -87.33654f ? x : -87.33654f;
  const float clamped = above < 88.37626f ? above : 88.37626f;
  const float n = (clamped * 1.44269504f + 12582912.0f) - 12582912.0f;  // 1.5 * 2^23 rounds to an integer
  const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = (p * r * r + r) + 1.0f;
  const float power = std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
  return x < -87.33654f ? 0.0f : x != x ? x : e * power;
}

// ln(1 + y) for y in [-0.3, 1], to 3e-7: 2 artanh(y / (2 + y)).
inline float vlog1p_unit(float y) {
  const float z = y / (2.0f + y);
  const float s = z * z;
  float p = 1.0f / 15;
  p = p * s + 1.0f / 13;
  p = p * s + 1.0f / 11;
  p = p * s + 1.0f / 9;
  p = p * s + 1.0f / 7;
  p = p * s + 1.0f / 5;
  p = p * s + 1.0f / 3;
  return 2.0f * z * (p * s + 1.0f);
}

inline float vsigmoid(float x) { return 1.0f / (1.0f + vexp(-x)); }

// ln(1 + e^x)
inline float vsoftplus(float x) { return (x > 0.0f ? x : 0.0f) + vlog1p_unit(vexp(-std::fabs(x))); }

// tanh x, to 4e-7 (Cephes: a polynomial near zero, the exponential elsewhere).
inline float vtanh(float x) {
  const float s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const float small = p * s * x + x;
  const float far = std::copysign(1.0f - 2.0f / (vexp(2.0f * std::fabs(x)) + 1.0f), x);
  return std::fabs(x) < 0.625f ? small : far;
}

// ln x, to 4e-7, for positive x that are not denormal.
inline float vlog(float x) {
  const int32_t bits = std::bit_cast<int32_t>(x);
  const int32_t exponent = (bits - 0x3f3504f3) >> 23;  // x = 2^exponent m with m from sqrt(1/2) to sqrt(2)
  const float m = std::bit_cast<float>(bits - (exponent << 23));
  return static_cast<float>(exponent) * 0.693147181f + vlog1p_unit(m - 1.0f);
}

// Two independent standard normal numbers of two random words (Box, Muller 1958), none larger than 5.9.
struct NormalPair {
  float first;
  float second;
};
inline NormalPair vnormals(uint32_t a, uint32_t b) {
  const float u = (static_cast<float>(static_cast<int32_t>(a >> 8)) + 0.5f) * 0x1p-24f;
  const float quarters = static_cast<float>(static_cast<int32_t>(b >> 8)) * 0x1p-22f;  // of a turn
  // sin and cos within an eighth of a turn (Cephes), then the quarter that it is.
  const float nearest = (quarters + 12582912.0f) - 12582912.0f;
  const float r = (quarters - nearest) * 1.57079633f;
  const float s = r * r;
  const float sine = ((-1.9515295891e-4f * s + 8.3321608736e-3f) * s - 1.6666654611e-1f) * s * r + r;
  const float cosine =
      ((2.443315711e-5f * s - 1.388731625e-3f) * s + 4.166664568e-2f) * s * s - 0.5f * s + 1.0f;
  const int32_t quarter = static_cast<int32_t>(nearest);
  const float x = (quarter & 1) != 0 ? -sine : cosine;
  const float y = (quarter & 1) != 0 ? cosine : sine;
  const float radius = std::sqrt(-2.0f * vlog(u));
  const float turned = (quarter & 2) != 0 ? -radius : radius;
  return {turned * x, turned * y};
}

}  // namespace lockstep::kernels
