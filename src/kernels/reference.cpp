#include "lockstep/kernels/reference.h"

#include <cmath>
#include <vector>

namespace lockstep::kernels::reference {

namespace {

// Calls visit(weight index, in index, out index) for every product of a convolution's first sample; those of
// the others are the `columns` values from there on.
template <class Visit>
void for_each_product(const ConvolutionShape& s, int64_t columns, const Visit& visit) {
  const int64_t out_height = s.out_height();
  const int64_t out_width = s.out_width();
  for (int64_t o = 0; o < s.out_channels; ++o)
    for (int64_t c = 0; c < s.in_channels; ++c)
      for (int64_t i = 0; i < s.kernel_height; ++i)
        for (int64_t j = 0; j < s.kernel_width; ++j) {
          const int64_t weight = ((o * s.in_channels + c) * s.kernel_height + i) * s.kernel_width + j;
          for (int64_t y = 0; y < out_height; ++y)
            for (int64_t x = 0; x < out_width; ++x) {
              const int64_t row = y * s.stride + i - s.pad;
              const int64_t column = x * s.stride + j - s.pad;
              if (row < 0 || row >= s.in_height || column < 0 || column >= s.in_width) continue;
              const int64_t in = ((c * s.in_height + row) * s.in_width + column) * columns;
              visit(weight, in, ((o * out_height + y) * out_width + x) * columns);
            }
        }
}

// Calls visit(in index, out index) for every cell of every window that lies inside the picture.
template <class Visit>
void for_each_cell(const PoolingShape& s, int64_t columns, const Visit& visit) {
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t y = 0; y < s.out_height(); ++y)
      for (int64_t x = 0; x < s.out_width(); ++x)
        for (int64_t i = 0; i < s.window; ++i)
          for (int64_t j = 0; j < s.window; ++j)
            for (int64_t n = 0; n < columns; ++n) {
              if (y * s.stride + i >= s.in_height || x * s.stride + j >= s.in_width) continue;
              const int64_t in = (c * s.in_height + y * s.stride + i) * s.in_width + x * s.stride + j;
              const int64_t out = (c * s.out_height() + y) * s.out_width() + x;
              visit(in * columns + n, out * columns + n);
            }
}

// Calls visit(channel, index) for every value of a sample.
template <class Visit>
void for_each_value(const BatchnormShape& s, const Visit& visit) {
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t p = 0; p < s.positions; ++p)
      for (int64_t n = 0; n < s.samples; ++n)
        visit(static_cast<size_t>(c), (c * s.positions + p) * s.columns + n);
}

double normalised(float in, float mean, float variance, float epsilon) {
  return (static_cast<double>(in) - static_cast<double>(mean)) /
         std::sqrt(static_cast<double>(variance) + static_cast<double>(epsilon));
}

void store(const std::vector<double>& sums, bool accumulate, float* out) {
  for (size_t i = 0; i < sums.size(); ++i) {
    out[i] = static_cast<float>((accumulate ? static_cast<double>(out[i]) : 0.0) + sums[i]);
  }
}

size_t in_size(const PoolingShape& s, int64_t columns) {
  return static_cast<size_t>(s.channels * s.in_height * s.in_width * columns);
}

size_t out_size(const PoolingShape& s, int64_t columns) {
  return static_cast<size_t>(s.channels * s.out_height() * s.out_width() * columns);
}

// How many cells each output is the mean of.
std::vector<double> cell_counts(const PoolingShape& s, int64_t columns) {
  std::vector<double> counts(out_size(s, columns));
  for_each_cell(s, columns, [&](int64_t, int64_t o) { counts[static_cast<size_t>(o)] += 1; });
  return counts;
}

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < k; ++l) {
        const float left = transpose_a == Transpose::kYes ? a[l * lda + i] : a[i * lda + l];
        const float right = transpose_b == Transpose::kYes ? b[j * ldb + l] : b[l * ldb + j];
        sum += static_cast<double>(left) * static_cast<double>(right);
      }
      const double before = beta == 0 ? 0.0 : static_cast<double>(beta) * static_cast<double>(c[i * ldc + j]);
      c[i * ldc + j] = static_cast<float>(before + sum);
    }
  }
}

void row_sums(int64_t rows, int64_t count, const float* in, bool accumulate, float* out) {
  std::vector<double> sums(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows * count; ++i)
    sums[static_cast<size_t>(i / count)] += static_cast<double>(in[i]);
  store(sums, accumulate, out);
}

void convolution_fprop(const ConvolutionShape& s, int64_t columns, const float* in, const float* weights,
                       const float* bias, float* out) {
  const int64_t plane = s.out_height() * s.out_width() * columns;
  std::vector<double> sums(static_cast<size_t>(s.out_channels * plane));
  for (size_t i = 0; i < sums.size() && bias != nullptr; ++i)
    sums[i] = static_cast<double>(bias[static_cast<int64_t>(i) / plane]);
  for_each_product(s, columns, [&](int64_t w, int64_t i, int64_t o) {
    const double weight = static_cast<double>(weights[w]);
    double* const sum = sums.data() + o;
    for (int64_t n = 0; n < columns; ++n) sum[n] += weight * static_cast<double>(in[i + n]);
  });
  store(sums, false, out);
}

void convolution_bprop(const ConvolutionShape& s, int64_t columns, const float* out_delta,
                       const float* weights, bool accumulate, float* in_delta) {
  std::vector<double> sums(static_cast<size_t>(s.in_channels * s.in_height * s.in_width * columns));
  for_each_product(s, columns, [&](int64_t w, int64_t i, int64_t o) {
    const double weight = static_cast<double>(weights[w]);
    double* const sum = sums.data() + i;
    for (int64_t n = 0; n < columns; ++n) sum[n] += weight * static_cast<double>(out_delta[o + n]);
  });
  store(sums, accumulate, in_delta);
}

void convolution_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                      bool accumulate, float* gradient) {
  std::vector<double> sums(static_cast<size_t>(s.out_channels * s.taps()));
  for_each_product(s, columns, [&](int64_t w, int64_t i, int64_t o) {
    double sum = 0;
    for (int64_t n = 0; n < columns; ++n) {
      sum += static_cast<double>(in[i + n]) * static_cast<double>(out_delta[o + n]);
    }
    sums[static_cast<size_t>(w)] += sum;
  });
  store(sums, accumulate, gradient);
}

void batchnorm_moments(const BatchnormShape& s, const float* in, float* mean, float* variance) {
  std::vector<double> means(static_cast<size_t>(s.channels));
  std::vector<double> squares(means.size());
  const double values = static_cast<double>(s.values());
  for_each_value(s, [&](size_t c, int64_t i) { means[c] += static_cast<double>(in[i]) / values; });
  for_each_value(s, [&](size_t c, int64_t i) {
    squares[c] += std::pow(static_cast<double>(in[i]) - means[c], 2) / values;
  });
  store(means, false, mean);
  store(squares, false, variance);
}

void batchnorm_normalise(const BatchnormShape& s, const float* in, const float* mean, const float* variance,
                         const float* gamma, const float* beta, float epsilon, float* out) {
  std::vector<double> results(static_cast<size_t>(s.channels * s.positions * s.columns));
  for_each_value(s, [&](size_t c, int64_t i) {
    results[static_cast<size_t>(i)] =
        static_cast<double>(gamma[c]) * normalised(in[i], mean[c], variance[c], epsilon) +
        static_cast<double>(beta[c]);
  });
  store(results, false, out);
}

void batchnorm_grad(const BatchnormShape& s, const float* in, const float* mean, const float* variance,
                    float epsilon, const float* out_delta, float* delta_sum, float* delta_dot_x) {
  std::vector<double> sums(static_cast<size_t>(s.channels));
  std::vector<double> dots(sums.size());
  for_each_value(s, [&](size_t c, int64_t i) {
    const double delta = static_cast<double>(out_delta[i]);
    sums[c] += delta;
    dots[c] += delta * normalised(in[i], mean[c], variance[c], epsilon);
  });
  store(sums, false, delta_sum);
  store(dots, false, delta_dot_x);
}

// By the chain rule through mean and variance (Ioffe, Szegedy 2015, section 3), rather than the simplified
// sum.
void batchnorm_bprop(const BatchnormShape& s, const float* in, const float* mean, const float* variance,
                     const float* gamma, float epsilon, const float* out_delta, bool accumulate,
                     float* in_delta) {
  const double values = static_cast<double>(s.values());
  std::vector<double> of_variance(static_cast<size_t>(s.channels));
  std::vector<double> of_mean(of_variance.size());
  const auto deviation = [&](size_t c) {
    return std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(epsilon));
  };
  const auto of_normalised = [&](size_t c, int64_t i) {
    return static_cast<double>(out_delta[i]) * static_cast<double>(gamma[c]);
  };
  const auto centred = [&](size_t c, int64_t i) {
    return static_cast<double>(in[i]) - static_cast<double>(mean[c]);
  };
  for_each_value(s, [&](size_t c, int64_t i) {
    of_variance[c] += of_normalised(c, i) * centred(c, i) * -0.5 * std::pow(deviation(c), -3);
    of_mean[c] -= of_normalised(c, i) / deviation(c);
  });
  std::vector<double> results(static_cast<size_t>(s.channels * s.positions * s.columns));
  for_each_value(s, [&](size_t c, int64_t i) {
    results[static_cast<size_t>(i)] = of_normalised(c, i) / deviation(c) +
                                      of_variance[c] * 2 * centred(c, i) / values + of_mean[c] / values;
  });
  store(results, accumulate, in_delta);
}

void maxpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out) {
  std::vector<bool> seen(out_size(s, columns));
  for_each_cell(s, columns, [&](int64_t i, int64_t o) {
    if (!seen[static_cast<size_t>(o)] || in[i] > out[o]) out[o] = in[i];
    seen[static_cast<size_t>(o)] = true;
  });
}

void maxpool_bprop(const PoolingShape& s, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* in_delta) {
  std::vector<int64_t> best(out_size(s, columns), -1);
  for_each_cell(s, columns, [&](int64_t i, int64_t o) {
    int64_t& b = best[static_cast<size_t>(o)];
    if (b < 0 || in[i] > in[b]) b = i;
  });
  std::vector<double> sums(in_size(s, columns));
  for (size_t o = 0; o < best.size(); ++o)
    sums[static_cast<size_t>(best[o])] += static_cast<double>(out_delta[o]);
  store(sums, accumulate, in_delta);
}

void avgpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out) {
  std::vector<double> sums(out_size(s, columns));
  const std::vector<double> counts = cell_counts(s, columns);
  for_each_cell(s, columns, [&](int64_t i, int64_t o) {
    sums[static_cast<size_t>(o)] += static_cast<double>(in[i]) / counts[static_cast<size_t>(o)];
  });
  store(sums, false, out);
}

void avgpool_bprop(const PoolingShape& s, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta) {
  std::vector<double> sums(in_size(s, columns));
  const std::vector<double> counts = cell_counts(s, columns);
  for_each_cell(s, columns, [&](int64_t i, int64_t o) {
    sums[static_cast<size_t>(i)] += static_cast<double>(out_delta[o]) / counts[static_cast<size_t>(o)];
  });
  store(sums, accumulate, in_delta);
}

}  // namespace lockstep::kernels::reference
