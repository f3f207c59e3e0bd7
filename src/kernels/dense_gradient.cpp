#include "lockstep/kernels/dense_gradient.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "packing.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

// The first `inside` columns of a tile.
void store_columns(int units, const float* tile, int64_t inside, int64_t row_length, float* row) {
  for (int u = 0; u < units; ++u) std::copy_n(tile + u * kTileColumns, inside, row + u * row_length);
}

int64_t input_words(int64_t inputs, int64_t words) { return panels_for(inputs) * kTileColumns * words; }

// The stack is plain memory, so that the sums at work can be registers.
template <class Arithmetic, int Units>
void tile(int64_t inputs, int64_t unit, int64_t input, std::span<const DenseSample> microbatches,
          std::span<const int> merges, float* gradient) {
  constexpr int64_t kTileFloats = Units * kTileColumns;
  alignas(64) float stack[kDeepest * kTileFloats];
  float* top = stack;
  for (size_t m = 0; m < microbatches.size(); ++m) {
    const DenseSample& from = microbatches[m];
    const int64_t words = words_for<Arithmetic>(from.columns);
    const float* delta = from.kept + input_words(inputs, words);
    TileSums<Units> sums;
    clear_sums(sums);
    add_product<Arithmetic>(words, delta + unit * words, words, 1, from.kept + input * words, sums);
    for (int k = 0; k < merges[m]; ++k) {
      top -= kTileFloats;
#pragma GCC unroll 12
      for (int u = 0; u < Units; ++u) {
        sums.of[u][0] = load(top + u * kTileColumns) + sums.of[u][0];
        sums.of[u][1] = load(top + u * kTileColumns + kLanes) + sums.of[u][1];
      }
    }
    const bool done = m + 1 == microbatches.size();
    const bool whole = input + kTileColumns <= inputs;
    float* const to = gradient + unit * inputs + input;
    store_sums(sums, done && whole ? inputs : kTileColumns, done && whole ? to : top);
    if (done && !whole) store_columns(Units, top, inputs - input, inputs, to);
    top += kTileFloats;
  }
}

template <class Arithmetic>
void gradient_in(int64_t inputs, int64_t first_unit, int64_t units, std::span<const DenseSample> microbatches,
                 std::span<const int> merges, float* gradient) {
  // Rows of the gradient are written from end to end; the inputs come from the second-level cache each time.
  for (int64_t unit = first_unit; unit < first_unit + units; unit += kTileRows) {
    with_rows(first_unit + units - unit, [&](auto rows) {
      for (int64_t input = 0; input < inputs; input += kTileColumns) {
        tile<Arithmetic, rows.value>(inputs, unit, input, microbatches, merges, gradient);
      }
    });
  }
}

}  // namespace

std::string dense_gradient_text(Precision precision) {
  return text(precision == Precision::kBf16 ? "bf16, " : "", "own kernel: several microbatches at once");
}

int64_t dense_sample_floats(Precision precision, int64_t inputs, int64_t units, int64_t columns) {
  const int64_t words =
      precision == Precision::kBf16 ? words_for<Bf16>(columns) : words_for<Float32>(columns);
  return input_words(inputs, words) + units * words;
}

void keep_dense_sample(Precision precision, int64_t inputs, int64_t units, int64_t columns,
                       const float* input, const float* delta, float* kept) {
  if (precision == Precision::kBf16) {
    rows_to_panels<Bf16>(inputs, columns, input, columns, kept);
    pair_neighbours(delta, units * columns, kept + input_words(inputs, words_for<Bf16>(columns)));
  } else {
    rows_to_panels<Float32>(inputs, columns, input, columns, kept);
    std::copy_n(delta, units * columns, kept + input_words(inputs, columns));
  }
}

void dense_gradient(Precision precision, int64_t inputs, int64_t first_unit, int64_t units,
                    std::span<const DenseSample> microbatches, std::span<const int> merges, float* gradient) {
  if (precision == Precision::kBf16) {
    gradient_in<Bf16>(inputs, first_unit, units, microbatches, merges, gradient);
  } else {
    gradient_in<Float32>(inputs, first_unit, units, microbatches, merges, gradient);
  }
}

}  // namespace lockstep::kernels
