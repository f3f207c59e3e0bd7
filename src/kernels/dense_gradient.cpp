#include "lockstep/kernels/dense_gradient.h"

#include <algorithm>

#include "register_tile.h"

namespace lockstep::kernels {

namespace {

template <int Units>
void store_rows(const TileSums<Units>& sums, int64_t row_length, int64_t inside, float* row) {
  for (int u = 0; u < Units; ++u, row += row_length) {
    if (inside == kTileColumns) {
      for (int v = 0; v < kTileVectors; ++v) store(sums.of[u][v], row + v * kLanes);
    } else {
      float values[kTileColumns];
      for (int v = 0; v < kTileVectors; ++v) store(sums.of[u][v], values + v * kLanes);
      std::copy_n(values, inside, row);
    }
  }
}

template <int Units>
void tile(int64_t inputs, int64_t unit, int64_t input, std::span<const DenseSample> microbatches,
          std::span<const int> merges, float* gradient) {
  TileSums<Units> stack[kDeepest];
  size_t top = 0;
  for (size_t m = 0; m < microbatches.size(); ++m) {
    const DenseSample& from = microbatches[m];
    TileSums<Units> sums = {};
    add_product(from.columns, from.delta + unit * from.columns, from.columns, 1,
                from.input + input * from.columns, sums);
    for (int k = 0; k < merges[m]; ++k) {
      --top;
      for (int u = 0; u < Units; ++u) {
        for (int v = 0; v < kTileVectors; ++v) sums.of[u][v] = stack[top].of[u][v] + sums.of[u][v];
      }
    }
    stack[top++] = sums;
  }
  store_rows(stack[0], inputs, std::min(kTileColumns, inputs - input), gradient + unit * inputs + input);
}

}  // namespace

int64_t padded_inputs(int64_t inputs) { return (inputs + kTileColumns - 1) / kTileColumns * kTileColumns; }

void transpose_input(int64_t inputs, int64_t columns, const float* in, float* out) {
  for (int64_t i = 0; i < padded_inputs(inputs); i += kLanes) {
    float* tile = out + i / kTileColumns * kTileColumns * columns + i % kTileColumns;
    for (int64_t n = 0; n < columns; n += kLanes) {
      Vector rows[kLanes];
      for (int64_t r = 0; r < kLanes; ++r)
        rows[r] = i + r < inputs ? load(in + (i + r) * columns + n) : Vector{};
      transpose(rows);
      for (int64_t r = 0; r < kLanes; ++r) store(rows[r], tile + (n + r) * kTileColumns);
    }
  }
}

void dense_gradient(int64_t inputs, int64_t first_unit, int64_t units,
                    std::span<const DenseSample> microbatches, std::span<const int> merges, float* gradient) {
  for (int64_t input = 0; input < inputs; input += kTileColumns) {
    for (int64_t unit = first_unit; unit < first_unit + units; unit += kTileRows) {
      with_rows(first_unit + units - unit,
                [&](auto rows) { tile<rows.value>(inputs, unit, input, microbatches, merges, gradient); });
    }
  }
}

}  // namespace lockstep::kernels
