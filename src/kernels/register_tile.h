// The product that all own matrix kernels share: a few rows by two vectors of sums that stay in registers.
#pragma once

#include <algorithm>
#include <utility>

#include "arithmetic.h"
#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

// 12 x 2 sums leave room for the operands in 32 vector registers, 6 x 2 in 16.
constexpr int kTileVectors = 2;
constexpr int kTileRows = kVectorRegisters == 32 ? 12 : 6;
constexpr int64_t kTileColumns = kTileVectors * kLanes;

template <int Rows>
struct TileSums {
  Vector of[Rows][kTileVectors];
};

// sums[r][n] += the sum over words k of a[r * row + k * step] b[k][n], b being `words` x kTileColumns.
template <class Arithmetic = Float32, int Rows>
inline void add_product(int64_t words, const float* a, int64_t row, int64_t step, const float* b,
                        TileSums<Rows>& sums) {
  for (int64_t k = 0; k < words; ++k, a += step, b += kTileColumns) {
    const Vector left = load(b);
    const Vector right = load(b + kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      const float factor = a[r * row];
      sums.of[r][0] = Arithmetic::add_product(sums.of[r][0], factor, left);
      sums.of[r][1] = Arithmetic::add_product(sums.of[r][1], factor, right);
    }
  }
}

// Sums from nothing, and from and to memory, row r being at r * row. Unrolled, or compilers would keep the
// sums in memory.
template <int Rows>
inline void clear_sums(TileSums<Rows>& sums) {
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) sums.of[r][0] = sums.of[r][1] = Vector{};
}
template <int Rows>
inline void load_sums(const float* from, int64_t row, TileSums<Rows>& sums) {
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
    sums.of[r][0] = load(from + r * row);
    sums.of[r][1] = load(from + r * row + kLanes);
  }
}
template <int Rows>
inline void store_sums(const TileSums<Rows>& sums, int64_t row, float* to) {
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
    store(sums.of[r][0], to + r * row);
    store(sums.of[r][1], to + r * row + kLanes);
  }
}

// Calls visit(std::integral_constant<int, Rows>) with Rows = min(rows, kTileRows): the last rows of a matrix
// are fewer than a tile's, and each number of them is code of its own.
template <class Visit, int... Less>
void with_rows(int64_t rows, const Visit& visit, std::integer_sequence<int, Less...>) {
  ((rows == Less + 1 ? visit(std::integral_constant<int, Less + 1>()) : void()), ...);
}
template <class Visit>
void with_rows(int64_t rows, const Visit& visit) {
  with_rows(rows < kTileRows ? rows : kTileRows, visit, std::make_integer_sequence<int, kTileRows>());
}

// Rows of a matrix in tiles as equal as can be: 16 are two times 8, not 12 and 4.
inline int64_t rows_at_once(int64_t rows) {
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  return (rows + tiles - 1) / tiles;
}

// Transposes a square of kLanes x kLanes floats.
void transpose(Vector (&rows)[kLanes]);

}  // namespace lockstep::kernels
