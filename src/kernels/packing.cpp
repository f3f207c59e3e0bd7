#include "packing.h"

#include <algorithm>

namespace lockstep::kernels {

void pair_up(const float* first, const float* second, int64_t count, int64_t seconds, float* out) {
  int64_t i = 0;
  const int64_t whole = std::min(count, seconds);
  for (; i + kLanes <= whole; i += kLanes) store(pairs_of(load(first + i), load(second + i)), out + i);
  for (; i < count; i += kLanes) {
    const Vector rest = i < seconds ? load_some(second + i, seconds - i) : Vector{};
    store_some(pairs_of(load_some(first + i, count - i), rest), count - i, out + i);
  }
}

void pair_halves(const float* in, int64_t terms, int64_t length, float* out) {
  const int64_t half = words_for<Bf16>(terms);
  pair_up(in, in + half * length, half * length, (terms - half) * length, out);
}

void pair_neighbours(const float* in, int64_t count, float* out) {
  constexpr int64_t kAtOnce = Bf16::kTerms * kLanes;
  const int64_t words = words_for<Bf16>(count);
  int64_t w = 0;
  for (; Bf16::kTerms * w + kAtOnce <= count; w += kLanes, in += kAtOnce) {
    store(neighbours_of(load(in), load(in + kLanes)), out + w);
  }
  if (w < words) store_some(Bf16::words(in, count - Bf16::kTerms * w), words - w, out + w);
}

template <class Arithmetic>
void rows_to_panels(int64_t rows, int64_t length, const float* in, int64_t distance, float* out) {
  const int64_t words = words_for<Arithmetic>(length);
  for (int64_t row = 0; row < panels_for(rows) * kTileColumns; row += kLanes) {
    float* panel = out + row / kTileColumns * words * kTileColumns + row % kTileColumns;
    for (int64_t word = 0; word < words; word += kLanes) {
      const int64_t begin = word * Arithmetic::kTerms;
      Vector square[kLanes];
      for (int64_t l = 0; l < kLanes; ++l) {
        square[l] =
            row + l < rows ? Arithmetic::words(in + (row + l) * distance + begin, length - begin) : Vector{};
      }
      transpose(square);
      const int64_t count = std::min(kLanes, words - word);
      for (int64_t l = 0; l < count; ++l) store(square[l], panel + (word + l) * kTileColumns);
    }
  }
}

template void rows_to_panels<Float32>(int64_t, int64_t, const float*, int64_t, float*);
template void rows_to_panels<Bf16>(int64_t, int64_t, const float*, int64_t, float*);

}  // namespace lockstep::kernels
