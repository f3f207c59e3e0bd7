#include "lockstep/kernels/dense_gradient.h"

#include <vector>

#include "compare.h"
#include "lockstep/kernels/layout.h"

namespace lockstep::kernels {
namespace {

struct Microbatch {
  int64_t columns;
  Values input;  // inputs x columns
  Values delta;  // units x columns
  Values kept;
  Microbatch(Precision precision, int64_t inputs, int64_t units, int64_t columns_, uint32_t item)
      : columns(columns_),
        input(operands_for(precision, test::random_values(inputs * columns, 2 * item))),
        delta(operands_for(precision, test::random_values(units * columns, 2 * item + 1))),
        kept(static_cast<size_t>(dense_sample_floats(precision, inputs, units, columns)), 7.0f) {
    keep_dense_sample(precision, inputs, units, columns, input.data(), delta.data(), kept.data());
  }
  DenseSample sample() const { return {kept.data(), columns}; }
};

class DenseGradient : public ::testing::TestWithParam<Precision> {};
INSTANTIATE_TEST_SUITE_P(Precisions, DenseGradient, ::testing::Values(Precision::kFloat32, Precision::kBf16));

Values gradient_of(Precision precision, int64_t inputs, int64_t units,
                   const std::vector<Microbatch>& microbatches, const std::vector<int>& merges) {
  std::vector<DenseSample> samples;
  for (const Microbatch& m : microbatches) samples.push_back(m.sample());
  Values gradient(static_cast<size_t>(inputs * units), 1e9f);
  dense_gradient(precision, inputs, 0, units, samples, merges, gradient.data());
  return gradient;
}

TEST_P(DenseGradient, IsTheSumOverColumnsAndMicrobatches) {
  for (const int64_t inputs : {1, 31, 32, 33, 100}) {
    for (const int64_t units : {1, 11, 12, 13, 30}) {
      const std::vector<Microbatch> all = {{GetParam(), inputs, units, 32, 1},
                                           {GetParam(), inputs, units, 16, 2}};
      const Values found = gradient_of(GetParam(), inputs, units, all, {0, 1});
      for (int64_t u = 0; u < units; ++u) {
        for (int64_t i = 0; i < inputs; ++i) {
          double expected = 0;
          for (const Microbatch& m : all) {
            for (int64_t n = 0; n < m.columns; ++n) {
              expected += static_cast<double>(m.delta[static_cast<size_t>(u * m.columns + n)]) *
                          static_cast<double>(m.input[static_cast<size_t>(i * m.columns + n)]);
            }
          }
          ASSERT_NEAR(static_cast<double>(found[static_cast<size_t>(u * inputs + i)]), expected, 1e-4)
              << inputs << " inputs, " << units << " units: " << u << ", " << i;
        }
      }
    }
  }
}

// ((a + b) + (c + d)) + e, each microbatch's sum as it is by itself.
TEST_P(DenseGradient, HasTheBitsOfSeparateSumsAddedInTheOrderOfTheTree) {
  constexpr int64_t kInputs = 40;
  constexpr int64_t kUnits = 17;
  std::vector<Microbatch> all;
  std::vector<Values> alone;
  for (uint32_t m = 0; m < 5; ++m) {
    all.emplace_back(GetParam(), kInputs, kUnits, 32, m);
    alone.push_back(gradient_of(GetParam(), kInputs, kUnits, {all.back()}, {0}));
  }
  Values expected(alone[0].size());
  for (size_t i = 0; i < expected.size(); ++i) {
    expected[i] = ((alone[0][i] + alone[1][i]) + (alone[2][i] + alone[3][i])) + alone[4][i];
  }
  EXPECT_TRUE(test::same_bits(gradient_of(GetParam(), kInputs, kUnits, all, {0, 1, 0, 2, 1}), expected));
}

TEST_P(DenseGradient, OfSomeRowsLeavesTheOthersAlone) {
  const Microbatch m(GetParam(), 20, 30, 16, 1);
  const std::vector<DenseSample> samples = {m.sample()};
  const std::vector<int> merges = {0};
  const Values whole = gradient_of(GetParam(), 20, 30, {m}, merges);
  Values part(whole.size(), -3.0f);
  dense_gradient(GetParam(), 20, 12, 7, samples, merges, part.data());
  for (size_t i = 0; i < part.size(); ++i) {
    const bool inside = i / 20 >= 12 && i / 20 < 19;
    EXPECT_EQ(part[i], inside ? whole[i] : -3.0f) << i;
  }
}

}  // namespace
}  // namespace lockstep::kernels
