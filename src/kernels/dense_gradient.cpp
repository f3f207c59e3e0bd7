#include "lockstep/kernels/dense_gradient.h"

#include <algorithm>
#include <utility>

#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

// 12 x 2 vectors of sums leave room for the inputs in 32 vector registers.
constexpr int kTileUnits = 12;
constexpr int kTileVectors = 2;
constexpr int64_t kTileInputs = kTileVectors * kLanes;

using Lanes = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

// Exchanges the blocks of kDistance lanes that lie across the diagonal of two rows' square.
template <int kDistance>
void exchange(Vector& upper, Vector& lower) {
  Lanes of_upper;
  Lanes of_lower;
  for (int l = 0; l < kLanes; ++l) {
    const bool right = (l & kDistance) != 0;
    of_upper[l] = right ? static_cast<int>(kLanes) + l - kDistance : l;
    of_lower[l] = right ? static_cast<int>(kLanes) + l : l + kDistance;
  }
  const Vector u = __builtin_shuffle(upper, lower, of_upper);
  lower = __builtin_shuffle(upper, lower, of_lower);
  upper = u;
}

template <int kDistance>
void exchange_rows(Vector (&rows)[kLanes]) {
  for (int r = 0; r < kLanes; ++r) {
    if ((r & kDistance) == 0) exchange<kDistance>(rows[r], rows[r + kDistance]);
  }
}

template <int Units>
struct Sums {
  Vector of[Units][kTileVectors];
};

template <int Units>
void add_microbatch(const DenseSample& m, int64_t unit, int64_t input, Sums<Units>& sums) {
  const float* in = m.input + input * m.columns;
  const float* delta = m.delta + unit * m.columns;
  for (int64_t n = 0; n < m.columns; ++n, in += kTileInputs) {
    const Vector a = load(in);
    const Vector b = load(in + kLanes);
    for (int u = 0; u < Units; ++u) {
      const float d = delta[u * m.columns + n];
      sums.of[u][0] += d * a;
      sums.of[u][1] += d * b;
    }
  }
}

template <int Units>
void store_rows(const Sums<Units>& sums, int64_t row_length, int64_t inside, float* row) {
  for (int u = 0; u < Units; ++u, row += row_length) {
    if (inside == kTileInputs) {
      for (int v = 0; v < kTileVectors; ++v) store(sums.of[u][v], row + v * kLanes);
    } else {
      float values[kTileInputs];
      for (int v = 0; v < kTileVectors; ++v) store(sums.of[u][v], values + v * kLanes);
      std::copy_n(values, inside, row);
    }
  }
}

template <int Units>
void tile(int64_t inputs, int64_t unit, int64_t input, std::span<const DenseSample> microbatches,
          std::span<const int> merges, float* gradient) {
  Sums<Units> stack[kDeepest];
  size_t top = 0;
  for (size_t m = 0; m < microbatches.size(); ++m) {
    Sums<Units> sums = {};
    add_microbatch(microbatches[m], unit, input, sums);
    for (int k = 0; k < merges[m]; ++k) {
      --top;
      for (int u = 0; u < Units; ++u) {
        for (int v = 0; v < kTileVectors; ++v) sums.of[u][v] = stack[top].of[u][v] + sums.of[u][v];
      }
    }
    stack[top++] = sums;
  }
  store_rows(stack[0], inputs, std::min(kTileInputs, inputs - input), gradient + unit * inputs + input);
}

// The last rows are fewer than a tile's; each number of them is code of its own.
template <int... Units>
void tile_of(int64_t units, std::integer_sequence<int, Units...>, int64_t inputs, int64_t unit, int64_t input,
             std::span<const DenseSample> microbatches, std::span<const int> merges, float* gradient) {
  ((units == Units + 1 ? tile<Units + 1>(inputs, unit, input, microbatches, merges, gradient) : void()), ...);
}

}  // namespace

int64_t padded_inputs(int64_t inputs) { return (inputs + kTileInputs - 1) / kTileInputs * kTileInputs; }

void transpose_input(int64_t inputs, int64_t columns, const float* in, float* out) {
  for (int64_t i = 0; i < padded_inputs(inputs); i += kLanes) {
    float* tile = out + i / kTileInputs * kTileInputs * columns + i % kTileInputs;
    for (int64_t n = 0; n < columns; n += kLanes) {
      Vector rows[kLanes];
      for (int64_t r = 0; r < kLanes; ++r)
        rows[r] = i + r < inputs ? load(in + (i + r) * columns + n) : Vector{};
      exchange_rows<8>(rows);
      exchange_rows<4>(rows);
      exchange_rows<2>(rows);
      exchange_rows<1>(rows);
      for (int64_t r = 0; r < kLanes; ++r) store(rows[r], tile + (n + r) * kTileInputs);
    }
  }
}

void dense_gradient(int64_t inputs, int64_t first_unit, int64_t units,
                    std::span<const DenseSample> microbatches, std::span<const int> merges, float* gradient) {
  for (int64_t input = 0; input < inputs; input += kTileInputs) {
    for (int64_t unit = first_unit; unit < first_unit + units; unit += kTileUnits) {
      tile_of(std::min<int64_t>(kTileUnits, first_unit + units - unit),
              std::make_integer_sequence<int, kTileUnits>(), inputs, unit, input, microbatches, merges,
              gradient);
    }
  }
}

}  // namespace lockstep::kernels
