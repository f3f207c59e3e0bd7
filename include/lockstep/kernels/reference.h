// Naive versions of every kernel, kept for the tests: loops straight from the formulas, in double precision
// inside.
#pragma once

#include <cstdint>

#include "lockstep/kernels/batchnorm.h"
#include "lockstep/kernels/convolution.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/kernels/pooling.h"

namespace lockstep::kernels::reference {

void gemm(Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);
void row_sums(int64_t rows, int64_t count, const float* in, bool accumulate, float* out);
void convolution_fprop(const ConvolutionShape& shape, int64_t columns, const float* in, const float* weights,
                       const float* bias, float* out);
void convolution_bprop(const ConvolutionShape& shape, int64_t columns, const float* out_delta,
                       const float* weights, bool accumulate, float* in_delta);
void convolution_grad(const ConvolutionShape& shape, int64_t columns, const float* in, const float* out_delta,
                      bool accumulate, float* gradient);
void batchnorm_moments(const BatchnormShape& shape, const float* in, float* mean, float* variance);
void batchnorm_normalise(const BatchnormShape& shape, const float* in, const float* mean,
                         const float* variance, const float* gamma, const float* beta, float epsilon,
                         float* out);
void batchnorm_grad(const BatchnormShape& shape, const float* in, const float* mean, const float* variance,
                    float epsilon, const float* out_delta, float* delta_sum, float* delta_dot_x);
void batchnorm_bprop(const BatchnormShape& shape, const float* in, const float* mean, const float* variance,
                     const float* gamma, float epsilon, const float* out_delta, bool accumulate,
                     float* in_delta);
void maxpool_fprop(const PoolingShape& shape, int64_t columns, const float* in, float* out);
void maxpool_bprop(const PoolingShape& shape, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* in_delta);
void avgpool_fprop(const PoolingShape& shape, int64_t columns, const float* in, float* out);
void avgpool_bprop(const PoolingShape& shape, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta);

}  // namespace lockstep::kernels::reference
