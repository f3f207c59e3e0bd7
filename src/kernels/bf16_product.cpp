#include "bf16_product.h"

#include <algorithm>

#include "packing.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

// A piece of B stays in the second-level cache, in panels, while it is multiplied by a strip of A's rows
// after the other. A strip is several tiles, so that it reads whole cache lines where A is transposed.
constexpr int64_t kWordsDeep = 512;          // of the sum, at once
constexpr int64_t kPackedWords = 64 * 1024;  // of B
constexpr int64_t kStripTiles = 4;
constexpr int64_t kStripRows = kStripTiles * kTileRows;

// op(M), at some row and column of it.
struct Matrix {
  const float* data;
  int64_t distance;
  Transpose transpose;
  const float* at(int64_t row, int64_t column) const {
    return transpose == Transpose::kNo ? data + row * distance + column : data + column * distance + row;
  }
};

// Words of some rows of A, and the distances from row to row and from word to word.
struct Strip {
  const float* data;
  int64_t row;
  int64_t step;
};

// Terms `first` and the following of `rows` rows of A.
Strip pack_rows(const Matrix& a, int64_t row, int64_t rows, int64_t first, int64_t terms, float* out) {
  const int64_t words = words_for<Bf16>(terms);
  if (a.transpose == Transpose::kNo) {
    for (int64_t r = 0; r < rows; ++r) pair_neighbours(a.at(row + r, first), terms, out + r * words);
    return {out, words, 1};
  }
  for (int64_t w = 0; w < words; ++w) {
    const int64_t term = first + Bf16::kTerms * w;
    const bool is_pair = Bf16::kTerms * w + 1 < terms;
    pair_up(a.at(row, term), is_pair ? a.at(row, term + 1) : nullptr, rows, is_pair ? rows : 0,
            out + w * kStripRows);
  }
  return {out, 1, kStripRows};
}

// Terms `first` and the following of `columns` columns of B.
void pack_columns(const Matrix& b, int64_t column, int64_t columns, int64_t first, int64_t terms,
                  float* out) {
  if (b.transpose == Transpose::kYes) {
    return rows_to_panels<Bf16>(columns, terms, b.at(first, column), b.distance, out);
  }
  const int64_t words = words_for<Bf16>(terms);
  for (int64_t j = 0; j < columns; j += kTileColumns) {
    const int64_t inside = std::min(kTileColumns, columns - j);
    for (int64_t w = 0; w < words; ++w, out += kTileColumns) {
      const int64_t term = first + Bf16::kTerms * w;
      const bool is_pair = Bf16::kTerms * w + 1 < terms;
      pair_up(b.at(term, column + j), is_pair ? b.at(term + 1, column + j) : nullptr, inside,
              is_pair ? inside : 0, out);
      std::fill(out + inside, out + kTileColumns, 0.0f);
    }
  }
}

template <int Rows>
void multiply(int64_t words, const Strip& a, const float* panel, bool accumulate, int64_t columns, float* c,
              int64_t ldc) {
  TileSums<Rows> sums = {};
  add_product<Bf16>(words, a.data, a.row, a.step, panel, sums);
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < kTileVectors && v * kLanes < columns; ++v) {
      float* to = c + r * ldc + v * kLanes;
      const int64_t inside = columns - v * kLanes;
      store_some(accumulate ? load_some(to, inside) + sums.of[r][v] : sums.of[r][v], inside, to);
    }
  }
}

void multiply_strip(int64_t words, const Strip& strip, int64_t rows, int64_t at_once, const float* panels,
                    bool accumulate, int64_t columns, float* c, int64_t ldc) {
  for (int64_t row = 0; row < rows; row += at_once) {
    const Strip tile{strip.data + row * strip.row, strip.row, strip.step};
    for (int64_t j = 0; j < columns; j += kTileColumns) {
      with_rows(std::min(at_once, rows - row), [&](auto count) {
        multiply<count.value>(words, tile, panels + j * words, accumulate, columns - j, c + row * ldc + j,
                              ldc);
      });
    }
  }
}

}  // namespace

int64_t bf16_product_scratch() { return kPackedWords + kStripRows * kWordsDeep; }

void bf16_product(Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k,
                  const float* a, int64_t lda, const float* b, int64_t ldb, bool accumulate, float* c,
                  int64_t ldc, float* scratch) {
  const Matrix left{a, lda, transpose_a};
  const Matrix right{b, ldb, transpose_b};
  const int64_t at_once = rows_at_once(m);
  for (int64_t first = 0; first < k; first += Bf16::kTerms * kWordsDeep) {
    const int64_t terms = std::min(Bf16::kTerms * kWordsDeep, k - first);
    const int64_t words = words_for<Bf16>(terms);
    const int64_t wide = kPackedWords / (words * kTileColumns) * kTileColumns;
    for (int64_t column = 0; column < n; column += wide) {
      const int64_t columns = std::min(wide, n - column);
      pack_columns(right, column, columns, first, terms, scratch);
      for (int64_t row = 0; row < m; row += kStripTiles * at_once) {
        const int64_t rows = std::min(kStripTiles * at_once, m - row);
        const Strip strip = pack_rows(left, row, rows, first, terms, scratch + kPackedWords);
        multiply_strip(words, strip, rows, at_once, scratch, accumulate || first > 0, columns,
                       c + row * ldc + column, ldc);
      }
    }
  }
}

}  // namespace lockstep::kernels
