#include "lockstep/kernels/dense_product.h"

#include <algorithm>

#include "bf16_product.h"
#include "lockstep/core/error.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

// So many terms are added at once: what a tile reads of the input for them stays in the first-level cache.
constexpr int64_t kTermsAtOnce = 128;
// Rows of a transposed matrix that are copied side by side before they are multiplied: they lie far apart in
// memory, a cache line of each, and would come in anew for every tile.
constexpr int64_t kStripRows = 4 * kTileRows;

// Element (r, k) of a matrix is values[r * row + k * step].
struct Factors {
  const float* values;
  int64_t row;
  int64_t step;
  Factors from(int64_t r, int64_t k) const { return {values + r * row + k * step, row, step}; }
};

// What the sums of a tile start with: what is there already, or the bias, or nothing.
struct Start {
  const float* bias;
  bool accumulate;
};

template <int Rows, int Vectors>
void tile(int64_t columns, int64_t terms, const Factors& a, const float* in, const Start& start, float* out) {
  Vector sums[Rows][Vectors];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      sums[r][v] = (start.accumulate ? load(out + r * columns + v * kLanes) : Vector{}) +
                   (start.bias != nullptr ? start.bias[r] : 0.0f);
    }
  }
  const float* factors = a.values;
  for (int64_t k = 0; k < terms; ++k, factors += a.step, in += columns) {
    Vector values[Vectors];
    for (int v = 0; v < Vectors; ++v) values[v] = load(in + v * kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      const float factor = factors[r * a.row];
      for (int v = 0; v < Vectors; ++v) sums[r][v] += factor * values[v];
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) store(sums[r][v], out + r * columns + v * kLanes);
  }
}

// The terms of some rows of a transposed matrix, side by side. Those of the rows after them are asked for
// from memory: the processor cannot foresee them.
Factors pack_strip(int64_t rows, int64_t terms, const Factors& a, float* strip) {
  const float* from = a.values;
  float* to = strip;
  for (int64_t k = 0; k < terms; ++k, from += a.step, to += kStripRows) {
    if (rows == kStripRows) {
      std::copy_n(from, kStripRows, to);
      __builtin_prefetch(from + kStripRows + kLineFloats);
    } else {
      std::copy_n(from, rows, to);
    }
  }
  return {strip, 1, kStripRows};
}

void strip_product(int64_t rows, int64_t at_once, int64_t columns, int64_t terms, const Factors& a,
                   const float* in, const Start& start, float* out) {
  for (int64_t r = 0; r < rows; r += at_once) {
    with_rows(std::min(at_once, rows - r), [&](auto count) {
      const Factors part = a.from(r, 0);
      const Start begin{start.bias == nullptr ? nullptr : start.bias + r, start.accumulate};
      float* to = out + r * columns;
      int64_t n = 0;
      for (; n + kTileColumns <= columns; n += kTileColumns) {
        tile<count.value, kTileVectors>(columns, terms, part, in + n, begin, to + n);
      }
      if (n < columns) tile<count.value, 1>(columns, terms, part, in + n, begin, to + n);
    });
  }
}

// Faster than sgemm, which packs what lies ready here: a sample's values are a column already.
void float32_product(int64_t rows, int64_t columns, int64_t terms, const Factors& a, const float* in,
                     const float* bias, bool accumulate, float* out) {
  alignas(64) float strip[kStripRows * kTermsAtOnce];
  const int64_t at_once = rows_at_once(rows);
  const bool packed = a.row == 1 && terms > kTermsAtOnce;  // of few terms, the lines stay in the cache
  for (int64_t k = 0; k < terms; k += kTermsAtOnce) {
    const int64_t some = std::min(kTermsAtOnce, terms - k);
    for (int64_t r = 0; r < rows; r += 4 * at_once) {
      const int64_t strip_rows = std::min(4 * at_once, rows - r);
      const Factors part = a.from(r, k);
      const Start start{bias == nullptr || k > 0 ? nullptr : bias + r, accumulate || k > 0};
      strip_product(strip_rows, at_once, columns, some,
                    packed ? pack_strip(strip_rows, some, part, strip) : part, in + k * columns, start,
                    out + r * columns);
    }
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
