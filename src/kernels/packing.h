// From floats to the pairs that Bf16 multiplies (arithmetic.h), and matrices to the panels that tiles read.
#pragma once

#include <cstdint>

#include "arithmetic.h"
#include "register_tile.h"

namespace lockstep::kernels {

// out[i] = (first[i], second[i]); zeros for the second of a pair from `seconds` on, which may be 0.
void pair_up(const float* first, const float* second, int64_t count, int64_t seconds, float* out);

// A sum over `terms` of rows, as pairs of rows: row r with row words_for<Bf16>(terms) + r, so that each half
// is one contiguous piece. From terms x length to words_for<Bf16>(terms) x length.
void pair_halves(const float* in, int64_t terms, int64_t length, float* out);

// A sum along `count` values, as pairs of neighbours: words_for<Bf16>(count) words.
void pair_neighbours(const float* in, int64_t count, float* out);

constexpr int64_t panels_for(int64_t rows) { return (rows + kTileColumns - 1) / kTileColumns; }

// From rows x length, rows being `distance` apart, to [panel][word][kTileColumns rows], a word's terms being
// neighbours in a row; zeros beyond the last row.
template <class Arithmetic>
void rows_to_panels(int64_t rows, int64_t length, const float* in, int64_t distance, float* out);

}  // namespace lockstep::kernels
