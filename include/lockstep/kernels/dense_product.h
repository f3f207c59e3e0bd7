// The product of a matrix and a microbatch: the way of dense layers forward and back. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "lockstep/kernels/gemm.h"

namespace lockstep::kernels {

// What a dense layer multiplies a microbatch with.
struct DenseMatrix {
  const float* values;  // rows x terms, or terms x rows where it is transposed
  Transpose transpose;
};

// out[r][n] = (accumulate ? out[r][n] : 0) + bias[r] + the sum over k of matrix(r, k) in[k][n]. `in` is
// terms x columns, `out` rows x columns; bias may be null; `scratch` holds gemm_scratch() floats.
void dense_product(Precision precision, int64_t rows, int64_t columns, int64_t terms,
                   const DenseMatrix& matrix, const float* in, const float* bias, bool accumulate, float* out,
                   float* scratch);

// Which kernel does it, for people: "own kernel: 500x32, 800 deep".
std::string dense_product_text(Precision precision, int64_t rows, int64_t columns, int64_t terms);

}  // namespace lockstep::kernels
