#include "lockstep/kernels/dense_gradient.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "packing.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

template <int Units>
void store_rows(const TileSums<Units>& sums, int64_t row_length, int64_t inside, float* row) {
  for (int u = 0; u < Units; ++u, row += row_length) {
    for (int v = 0; v < kTileVectors; ++v) store_some(sums.of[u][v], inside - v * kLanes, row + v * kLanes);
  }
}

int64_t input_words(int64_t inputs, int64_t words) { return panels_for(inputs) * kTileColumns * words; }

template <class Arithmetic, int Units>
void tile(int64_t inputs, int64_t unit, int64_t input, std::span<const DenseSample> microbatches,
          std::span<const int> merges, float* gradient) {
  TileSums<Units> stack[kDeepest];
  size_t top = 0;
  for (size_t m = 0; m < microbatches.size(); ++m) {
    const DenseSample& from = microbatches[m];
    TileSums<Units> sums = {};
    const int64_t words = words_for<Arithmetic>(from.columns);
    const float* delta = from.kept + input_words(inputs, words);
    add_product<Arithmetic>(words, delta + unit * words, words, 1, from.kept + input * words, sums);
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

template <class Arithmetic>
void gradient_in(int64_t inputs, int64_t first_unit, int64_t units, std::span<const DenseSample> microbatches,
                 std::span<const int> merges, float* gradient) {
  for (int64_t input = 0; input < inputs; input += kTileColumns) {
    for (int64_t unit = first_unit; unit < first_unit + units; unit += kTileRows) {
      with_rows(first_unit + units - unit, [&](auto rows) {
        tile<Arithmetic, rows.value>(inputs, unit, input, microbatches, merges, gradient);
      });
    }
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
