// Matrix products and sums over rows. One thread; deterministic for given shapes.
#pragma once

#include <cstdint>
#include <string>

#include "lockstep/kernels/precision.h"

namespace lockstep::kernels {

enum class Transpose { kNo, kYes };

// C = A B + beta C, row major: op(A) is m x k, op(B) is k x n, C is m x n; lda, ldb, ldc are the distances
// between rows as stored. beta 0 overwrites C, whatever was there.
void gemm(Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

// The same in a precision of choice, with beta 0 or 1 (accumulate); `scratch` holds gemm_scratch() floats.
void gemm(Precision precision, Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k,
          const float* a, int64_t lda, const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc,
          float* scratch);
int64_t gemm_scratch(Precision precision);

// Which kernel computes such a product, for people: "sgemm: 500x32, 800 deep".
std::string gemm_kernel(Precision precision, int64_t m, int64_t n, int64_t k);

// out[r] = (accumulate ? out[r] : 0) + the sum of row r of an array rows x count, in a fixed order; count is
// a multiple of kLanes.
void row_sums(int64_t rows, int64_t count, const float* in, bool accumulate, float* out);

// in[r][i] += values[r] for all i.
void add_to_rows(int64_t rows, int64_t count, const float* values, float* in, int64_t stride);

// Once on each thread before its first gemm(): oneDNN shall use that thread alone. Debian's oneDNN runs on
// OpenMP, whose thread count is a setting of each thread.
void use_one_thread();

// "oneDNN 2.6.3, avx512_core_bf16"
std::string library_version();
std::string instruction_set();

}  // namespace lockstep::kernels
