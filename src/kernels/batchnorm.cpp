#include "lockstep/kernels/batchnorm.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

using Lanes = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

// All bits of the lanes that are samples, from column n on.
Lanes lanes_of_samples(const BatchnormShape& s, int64_t n) {
  Lanes lane;
  for (int32_t l = 0; l < kLanes; ++l) lane[l] = l;
  return lane < static_cast<int32_t>(std::min(s.samples - n, kLanes));
}

// The sums over a channel's values of the terms that term(offset) gives for the values of a vector there.
// Vectors are added in single precision over a few rows of samples, in four sums at once, since an addition
// takes four times as long as a load; these are added in double precision.
template <size_t Terms, class Term>
std::array<double, Terms> sum_channel(const BatchnormShape& s, int64_t channel, const Term& term) {
  constexpr int64_t kPositionsAtOnce = 64;
  constexpr int64_t kSums = 4;
  std::array<double, Terms> total{};
  const int64_t first = channel * s.positions;
  for (int64_t begin = 0; begin < s.positions; begin += kPositionsAtOnce) {
    const int64_t end = std::min(begin + kPositionsAtOnce, s.positions);
    for (int64_t n = 0; n < s.samples; n += kLanes) {
      const Lanes counts = lanes_of_samples(s, n);
      Vector sums[Terms][kSums] = {};
      const auto add = [&](int64_t position, int64_t sum) {
        const std::array<Vector, Terms> terms = term((first + position) * s.columns + n);
        for (size_t t = 0; t < Terms; ++t) sums[t][sum] += counts ? terms[t] : Vector{};
      };
      int64_t p = begin;
      for (; p + kSums <= end; p += kSums) {
        for (int64_t k = 0; k < kSums; ++k) add(p + k, k);
      }
      for (; p < end; ++p) add(p, 0);
      for (size_t t = 0; t < Terms; ++t) {
        const Vector sum = (sums[t][0] + sums[t][1]) + (sums[t][2] + sums[t][3]);
        total[t] += static_cast<double>(sum_lanes(sum));
      }
    }
  }
  return total;
}

// to[i] = value(i) for all vectors of a channel, zero beyond the samples.
template <class Value>
void fill_channel(const BatchnormShape& s, int64_t channel, bool accumulate, float* to, const Value& value) {
  const int64_t begin = channel * s.positions * s.columns;
  const int64_t end = begin + s.positions * s.columns;
  const auto put = [&](int64_t i, const Vector& v) { store(accumulate ? load(to + i) + v : v, to + i); };
  if (s.samples == s.columns) {
    for (int64_t i = begin; i < end; i += kLanes) put(i, value(i));
    return;
  }
  for (int64_t row = begin; row < end; row += s.columns) {
    for (int64_t n = 0; n < s.columns; n += kLanes) {
      const Vector all = value(row + n);
      put(row + n, lanes_of_samples(s, n) ? all : Vector{});
    }
  }
}

float inverse_deviation(float variance, float epsilon) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(variance) + static_cast<double>(epsilon)));
}

struct Moments {
  double mean;
  double variance;
};

// The rounding of the first mean is taken out of both (Chan, Golub, LeVeque 1983, the corrected two-pass
// algorithm).
Moments moments_of_channel(const BatchnormShape& s, int64_t channel, const float* in) {
  const double values = static_cast<double>(s.values());
  const auto [sum] = sum_channel<1>(s, channel, [&](int64_t i) { return std::array{load(in + i)}; });
  const float guess = static_cast<float>(sum / values);
  const auto [rest, squares] = sum_channel<2>(s, channel, [&](int64_t i) {
    const Vector d = load(in + i) - guess;
    return std::array{d, d * d};
  });
  return {static_cast<double>(guess) + rest / values,
          std::max((squares - rest * rest / values) / values, 0.0)};
}

}  // namespace

void batchnorm_moments(const BatchnormShape& s, const float* in, float* mean, float* variance) {
  for (int64_t c = 0; c < s.channels; ++c) {
    const Moments moments = moments_of_channel(s, c, in);
    mean[c] = static_cast<float>(moments.mean);
    variance[c] = static_cast<float>(moments.variance);
  }
}

void batchnorm_sums(const BatchnormShape& s, const float* in, double* sum, double* squares) {
  const double values = static_cast<double>(s.values());
  for (int64_t c = 0; c < s.channels; ++c) {
    const Moments moments = moments_of_channel(s, c, in);
    sum[c] = values * moments.mean;
    squares[c] = values * (moments.variance + moments.mean * moments.mean);
  }
}

void batchnorm_moments_of_sums(int64_t channels, int64_t values, const double* sum, const double* squares,
                               float* mean, float* variance) {
  for (int64_t c = 0; c < channels; ++c) {
    const double m = sum[c] / static_cast<double>(values);
    mean[c] = static_cast<float>(m);
    variance[c] = static_cast<float>(std::max(squares[c] / static_cast<double>(values) - m * m, 0.0));
  }
}

void batchnorm_normalise(const BatchnormShape& s, const float* in, const float* mean, const float* variance,
                         const float* gamma, const float* beta, float epsilon, float* out) {
  for (int64_t c = 0; c < s.channels; ++c) {
    const float scale = gamma[c] * inverse_deviation(variance[c], epsilon);
    fill_channel(s, c, false, out, [&](int64_t i) { return (load(in + i) - mean[c]) * scale + beta[c]; });
  }
}

void batchnorm_grad(const BatchnormShape& s, const float* in, const float* mean, const float* variance,
                    float epsilon, const float* out_delta, float* delta_sum, float* delta_dot_x) {
  for (int64_t c = 0; c < s.channels; ++c) {
    const auto [sum, dot] = sum_channel<2>(s, c, [&](int64_t i) {
      const Vector delta = load(out_delta + i);
      return std::array{delta, delta * (load(in + i) - mean[c])};
    });
    delta_sum[c] = static_cast<float>(sum);
    delta_dot_x[c] = static_cast<float>(dot) * inverse_deviation(variance[c], epsilon);
  }
}

void batchnorm_bprop(const BatchnormShape& s, const float* in, const float* mean, const float* variance,
                     const float* gamma, float epsilon, const float* out_delta, int64_t values,
                     const float* delta_sum, const float* delta_dot_x, bool accumulate, float* in_delta) {
  const float share = 1.0f / static_cast<float>(values);
  for (int64_t c = 0; c < s.channels; ++c) {
    const float inverse = inverse_deviation(variance[c], epsilon);
    const float scale = gamma[c] * inverse;
    const float constant = delta_sum[c] * share;
    const float slope = delta_dot_x[c] * share * inverse;
    fill_channel(s, c, accumulate, in_delta, [&](int64_t i) {
      return (load(out_delta + i) - constant - (load(in + i) - mean[c]) * slope) * scale;
    });
  }
}

}  // namespace lockstep::kernels
