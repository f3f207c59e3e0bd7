#include "kernels/packing.h"

#include <bit>

#include "compare.h"

namespace lockstep::kernels {
namespace {

constexpr float kUntouched = -7;

// Two numbers that bf16 holds exactly, as one word.
float pair(float first, float second) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(first) >> 16) | std::bit_cast<uint32_t>(second));
}

Values operands(int64_t count) { return rounded_to_bf16(test::random_values(count, 3)); }

float at(const Values& values, int64_t i) { return values[static_cast<size_t>(i)]; }

void expect_words(const Values& found, const Values& expected) {
  Values with_guard = expected;
  with_guard.push_back(kUntouched);
  EXPECT_TRUE(test::same_bits(found, with_guard));
}

Values guarded(int64_t words) { return Values(static_cast<size_t>(words) + 1, kUntouched); }

TEST(Packing, PairsTheRowsOfTwoHalves) {
  for (const int64_t terms : {1, 2, 3, 8, 9}) {
    for (const int64_t length : {1, 5, 16, 37}) {
      const Values in = operands(terms * length);
      const int64_t half = (terms + 1) / 2;
      Values found = guarded(half * length);
      pair_halves(in.data(), terms, length, found.data());
      Values expected;
      for (int64_t i = 0; i < half * length; ++i) {
        const int64_t other = i + half * length;
        expected.push_back(pair(at(in, i), other < terms * length ? at(in, other) : 0));
      }
      expect_words(found, expected);
    }
  }
}

TEST(Packing, PairsNeighbours) {
  for (const int64_t count : {1, 2, 7, 31, 32, 33, 64, 99}) {
    const Values in = operands(count);
    Values found = guarded((count + 1) / 2);
    pair_neighbours(in.data(), count, found.data());
    Values expected;
    for (int64_t i = 0; i < count; i += 2)
      expected.push_back(pair(at(in, i), i + 1 < count ? at(in, i + 1) : 0));
    expect_words(found, expected);
  }
}

TEST(Packing, PutsRowsIntoPanels) {
  for (const int64_t rows : {1, 16, 33}) {
    for (const int64_t length : {1, 16, 21, 48}) {
      const int64_t distance = length + 3;
      const Values in = operands(rows * distance);
      const auto value = [&](int64_t row, int64_t i) {
        return row < rows && i < length ? at(in, row * distance + i) : 0;
      };
      const auto panels = [&](int64_t words, const auto& word) {
        Values expected;
        for (int64_t p = 0; p < panels_for(rows); ++p) {
          for (int64_t w = 0; w < words; ++w) {
            for (int64_t r = 0; r < kTileColumns; ++r) expected.push_back(word(p * kTileColumns + r, w));
          }
        }
        return expected;
      };
      Values floats = guarded(panels_for(rows) * kTileColumns * length);
      rows_to_panels<Float32>(rows, length, in.data(), distance, floats.data());
      expect_words(floats, panels(length, value));
      const int64_t words = (length + 1) / 2;
      Values pairs = guarded(panels_for(rows) * kTileColumns * words);
      rows_to_panels<Bf16>(rows, length, in.data(), distance, pairs.data());
      expect_words(pairs, panels(words, [&](int64_t r, int64_t w) {
                     return pair(value(r, 2 * w), value(r, 2 * w + 1));
                   }));
    }
  }
}

}  // namespace
}  // namespace lockstep::kernels
