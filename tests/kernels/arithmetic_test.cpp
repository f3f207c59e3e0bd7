#include "kernels/arithmetic.h"

#include <bit>
#include <cmath>
#include <limits>

#include "compare.h"

namespace lockstep::kernels {
namespace {

uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

Vector all(float value) { return Vector{} + value; }

// As the first and as the second of a pair.
void expect_rounded(float value, float expected) {
  const uint32_t half = bits_of(expected) >> 16;
  EXPECT_EQ(bits_of(pairs_of(all(value), all(0))[3]), half) << value;
  EXPECT_EQ(bits_of(pairs_of(all(0), all(value))[3]), half << 16) << value;
}

TEST(Bf16, IsTheNearestNumberOfEightBitsAndTheEvenOneOfTwo) {
  constexpr float kStep = 0x1p-7f;  // between neighbours from 1 to 2
  expect_rounded(1 + 3 * kStep, 1 + 3 * kStep);
  expect_rounded(1 + 3.49f * kStep, 1 + 3 * kStep);
  expect_rounded(1 + 3.51f * kStep, 1 + 4 * kStep);
  expect_rounded(1 + 3.5f * kStep, 1 + 4 * kStep);
  expect_rounded(1 + 4.5f * kStep, 1 + 4 * kStep);
  expect_rounded(-1 - 3.5f * kStep, -1 - 4 * kStep);
  expect_rounded(1.999f, 2);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  expect_rounded(std::numeric_limits<float>::max(), kInfinity);
  expect_rounded(-kInfinity, -kInfinity);
  expect_rounded(0, 0);
}

TEST(Bf16, OfManyNumbersIsWhatTheTestsTakeForIt) {
  const Values values = test::random_values(4096, 1, -100, 100);
  const Values rounded = rounded_to_bf16(values);
  for (size_t i = 0; i < values.size(); ++i) expect_rounded(values[i], rounded[i]);
}

TEST(Bf16, KeepsWhatIsNotANumber) {
  const float pair = pairs_of(all(kNan), all(1))[0];
  EXPECT_TRUE(std::isnan(std::bit_cast<float>(bits_of(pair) << 16)));
  EXPECT_EQ(bits_of(pair) >> 16, bits_of(1) >> 16);
}

TEST(Bf16, ProductOfPairsIsTheSumOfTwoProducts) {
  const Vector factors = pairs_of(all(0.5f), all(-3));
  const Vector values = pairs_of(Vector{1, 2, 3}, Vector{10, 20, 30});
  const Vector sum = Bf16::add_product(Vector{100, 200, 300, 400}, factors[0], values);
  EXPECT_EQ(sum[0], 100 + 0.5f - 30);
  EXPECT_EQ(sum[1], 200 + 1 - 60);
  EXPECT_EQ(sum[2], 300 + 1.5f - 90);
  EXPECT_EQ(sum[3], 400);
}

TEST(Words, HoldNeighboursAndZerosBeyondTheLast) {
  const Values in = rounded_to_bf16(test::random_values(32, 2));
  const auto half = [&](int64_t i, int64_t count) {
    return i < count ? bits_of(in[static_cast<size_t>(i)]) >> 16 : 0;
  };
  for (int64_t count = 1; count <= 32; ++count) {
    const Values exactly(in.begin(), in.begin() + count);  // a sanitizer sees what is read beyond
    const Vector words = Bf16::words(exactly.data(), count);
    for (int64_t l = 0; l < kLanes; ++l) {
      EXPECT_EQ(bits_of(words[l]), half(2 * l, count) | half(2 * l + 1, count) << 16) << l << " of " << count;
    }
  }
  for (int64_t count = 1; count <= kLanes; ++count) {
    const Vector words = Float32::words(in.data(), count);
    for (int64_t l = 0; l < kLanes; ++l) EXPECT_EQ(words[l], l < count ? in[static_cast<size_t>(l)] : 0);
  }
}

}  // namespace
}  // namespace lockstep::kernels
