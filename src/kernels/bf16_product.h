// The matrix product in bf16: what gemm() does where the precision is bf16.
#pragma once

#include <cstdint>

#include "lockstep/kernels/gemm.h"

namespace lockstep::kernels {

int64_t bf16_product_scratch();  // floats, for every size

// C = A B + (accumulate ? C : 0); shapes and distances are those of gemm().
void bf16_product(Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k,
                  const float* a, int64_t lda, const float* b, int64_t ldb, bool accumulate, float* c,
                  int64_t ldc, float* scratch);

}  // namespace lockstep::kernels
