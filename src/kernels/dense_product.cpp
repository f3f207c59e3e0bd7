#include "lockstep/kernels/dense_product.h"

#include <algorithm>

#include "bf16_product.h"
#include "lockstep/core/error.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

// Element (r, k) of a matrix is values[r * row + k * step].
struct Factors {
  const float* values;
  int64_t row;
  int64_t step;
};

template <int Rows, int Vectors>
void tile(int64_t columns, int64_t terms, const Factors& a, const float* in, const float* bias,
          bool accumulate, float* out) {
  Vector sums[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sums[r][v] =
          (accumulate ? load(out + r * columns + v * kLanes) : Vector{}) + (bias != nullptr ? bias[r] : 0.0f);
    }
  }
  const float* factors = a.values;
  for (int64_t k = 0; k < terms; ++k, factors += a.step, in += columns) {
    Vector values[Vectors];
    for (int v = 0; v < Vectors; ++v) values[v] = load(in + v * kLanes);
    for (int r = 0; r < Rows; ++r) {
      const float factor = factors[r * a.row];
      for (int v = 0; v < Vectors; ++v) sums[r][v] += factor * values[v];
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) store(sums[r][v], out + r * columns + v * kLanes);
  }
}

// Faster than sgemm, which packs what lies ready here: a sample's values are a column already.
void float32_product(int64_t rows, int64_t columns, int64_t terms, const Factors& a, const float* in,
                     const float* bias, bool accumulate, float* out) {
  const int64_t at_once = rows_at_once(rows);
  for (int64_t r = 0; r < rows; r += at_once) {
    with_rows(std::min(at_once, rows - r), [&](auto count) {
      const Factors part{a.values + r * a.row, a.row, a.step};
      const float* start = bias == nullptr ? nullptr : bias + r;
      float* to = out + r * columns;
      int64_t n = 0;
      for (; n + kTileColumns <= columns; n += kTileColumns) {
        tile<count.value, kTileVectors>(columns, terms, part, in + n, start, accumulate, to + n);
      }
      if (n < columns) tile<count.value, 1>(columns, terms, part, in + n, start, accumulate, to + n);
    });
  }
}

}  // namespace

void dense_product(Precision precision, int64_t rows, int64_t columns, int64_t terms,
                   const DenseMatrix& matrix, const float* in, const float* bias, bool accumulate, float* out,
                   float* scratch) {
  const bool transposed = matrix.transpose == Transpose::kYes;
  if (precision == Precision::kBf16) {
    bf16_product(matrix.transpose, Transpose::kNo, rows, columns, terms, matrix.values,
                 transposed ? rows : terms, in, columns, accumulate, out, columns, scratch);
    if (bias != nullptr) add_to_rows(rows, columns, bias, out, columns);
    return;
  }
  const Factors factors{matrix.values, transposed ? 1 : terms, transposed ? rows : 1};
  float32_product(rows, columns, terms, factors, in, bias, accumulate, out);
}

std::string dense_product_text(Precision precision, int64_t rows, int64_t columns, int64_t terms) {
  return text(precision == Precision::kBf16 ? "bf16 product: " : "own kernel: ", rows, "x", columns, ", ",
              terms, " deep");
}

}  // namespace lockstep::kernels
