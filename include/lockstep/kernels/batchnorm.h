// Batch normalisation (Ioffe, Szegedy 2015, algorithm 1) on activations in the layout of layout.h. One
// thread; every sum has an order that follows from the shape alone.
#pragma once

#include <cstdint>

namespace lockstep::kernels {

// The columns beyond the samples count nowhere; results hold zeros there.
struct BatchnormShape {
  int64_t channels;
  int64_t positions;  // of a picture
  int64_t samples;
  int64_t columns;

  int64_t values() const { return positions * samples; }  // of a channel
};

// The mean and the variance (that divides by values()) of each channel.
void batchnorm_moments(const BatchnormShape& shape, const float* in, float* mean, float* variance);

// Of each channel the sum of its values and of their squares, made of mean and variance: what a mean far from
// zero takes of the variance's digits, it takes of those of double precision.
void batchnorm_sums(const BatchnormShape& shape, const float* in, double* sum, double* squares);
// The moments of so many values of a channel, from such sums over all parts of them.
void batchnorm_moments_of_sums(int64_t channels, int64_t values, const double* sum, const double* squares,
                               float* mean, float* variance);

// out = gamma[c] (in - mean[c]) / sqrt(variance[c] + epsilon) + beta[c]; `out` may be `in`.
void batchnorm_normalise(const BatchnormShape& shape, const float* in, const float* mean,
                         const float* variance, const float* gamma, const float* beta, float epsilon,
                         float* out);

// Of each channel, with x the normalised input: delta_sum = the sum of out_delta, delta_dot_x = that of
// out_delta x. They are the derivatives with respect to beta and gamma.
void batchnorm_grad(const BatchnormShape& shape, const float* in, const float* mean, const float* variance,
                    float epsilon, const float* out_delta, float* delta_sum, float* delta_dot_x);

// in_delta = (accumulate ? in_delta : 0) + the derivative with respect to the input, of whose values mean and
// variance are functions, and maybe of others too: of `values` of a channel in all, over which both sums go:
// gamma[c] / sqrt(variance[c] + epsilon) (out_delta - delta_sum[c] / values - x delta_dot_x[c] / values).
// `in_delta` may be `out_delta` where it does not accumulate.
void batchnorm_bprop(const BatchnormShape& shape, const float* in, const float* mean, const float* variance,
                     const float* gamma, float epsilon, const float* out_delta, int64_t values,
                     const float* delta_sum, const float* delta_dot_x, bool accumulate, float* in_delta);

}  // namespace lockstep::kernels
