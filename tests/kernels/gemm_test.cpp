#include "lockstep/kernels/gemm.h"

#include "compare.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/kernels/reference.h"

namespace lockstep::kernels {
namespace {

using test::random_values;

struct GemmProduct {
  int64_t m, n, k;
};

// Odd sizes, single rows and columns, the sizes of LeNet and of autoencoders.
const std::vector<GemmProduct> kGemmProducts = {{1, 1, 1},     {1, 16, 1},   {3, 16, 5},   {20, 576, 25},
                                                {50, 64, 500}, {7, 33, 19},  {10, 16, 50}, {500, 32, 80},
                                                {17, 1, 130},  {31, 48, 784}};
// Sums that are cut in pieces, and more columns than are packed at once.
const std::vector<GemmProduct> kLargeProducts = {{13, 33, 1025}, {14, 200, 1100}, {5, 2100, 70}};

class Gemm : public ::testing::TestWithParam<std::tuple<GemmProduct, bool, bool, Precision>> {
 protected:
  // The distance between rows is a little more than a row.
  static constexpr int64_t kGap = 3;
  GemmProduct p_ = std::get<0>(GetParam());
  Transpose ta_ = std::get<1>(GetParam()) ? Transpose::kYes : Transpose::kNo;
  Transpose tb_ = std::get<2>(GetParam()) ? Transpose::kYes : Transpose::kNo;
  int64_t lda_ = (ta_ == Transpose::kYes ? p_.m : p_.k) + kGap;
  int64_t ldb_ = (tb_ == Transpose::kYes ? p_.k : p_.n) + kGap;
  int64_t ldc_ = p_.n + kGap;
  Precision precision_ = std::get<3>(GetParam());
  Values a_ = operands_for(precision_, random_values((ta_ == Transpose::kYes ? p_.k : p_.m) * lda_, 1));
  Values b_ = operands_for(precision_, random_values((tb_ == Transpose::kYes ? p_.n : p_.k) * ldb_, 2));
  Values c_ = random_values(p_.m * ldc_, 3);

  Values product(float beta, Values c) const {
    multiply(a_.data(), b_.data(), beta, c.data());
    return c;
  }
  void multiply(const float* a, const float* b, float beta, float* c) const {
    Values scratch(static_cast<size_t>(gemm_scratch(precision_)), kNan);
    gemm(precision_, ta_, tb_, p_.m, p_.n, p_.k, a, lda_, b, ldb_, beta != 0, c, ldc_, scratch.data());
  }
  void expect_reference(float beta, const Values& start, const Values& found) const {
    Values expected = start;
    reference::gemm(ta_, tb_, p_.m, p_.n, p_.k, a_.data(), lda_, b_.data(), ldb_, beta, expected.data(),
                    ldc_);
    Values sizes = absolute(c_);
    reference::gemm(ta_, tb_, p_.m, p_.n, p_.k, absolute(a_).data(), lda_, absolute(b_).data(), ldb_, beta,
                    sizes.data(), ldc_);
    for (int64_t i = 0; i < p_.m; ++i) {
      for (int64_t j = p_.n; j < ldc_; ++j) {
        const size_t gap = static_cast<size_t>(i * ldc_ + j);
        EXPECT_EQ(found[gap], start[gap]) << "written between the rows";
      }
    }
    expect_near(found, expected, sizes);
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, Gemm,
                         ::testing::Combine(::testing::ValuesIn(kGemmProducts), ::testing::Bool(),
                                            ::testing::Bool(),
                                            ::testing::Values(Precision::kFloat32, Precision::kBf16)));
INSTANTIATE_TEST_SUITE_P(LargeShapes, Gemm,
                         ::testing::Combine(::testing::ValuesIn(kLargeProducts), ::testing::Bool(),
                                            ::testing::Bool(), ::testing::Values(Precision::kBf16)));

TEST_P(Gemm, ReplacesOrAddsWhatTheReferenceSays) {
  expect_reference(0.0f, c_, product(0.0f, c_));
  expect_reference(1.0f, c_, product(1.0f, c_));
}

TEST_P(Gemm, BetaZeroReplacesWhateverWasThere) {
  Values nans = c_;
  for (int64_t i = 0; i < p_.m; ++i) {
    for (int64_t j = 0; j < p_.n; ++j) {
      nans[static_cast<size_t>(i * ldc_ + j)] = kNan;
    }
  }
  EXPECT_TRUE(test::same_bits(product(0.0f, nans), product(0.0f, c_)));
}

TEST_P(Gemm, GivesTheSameBitsWhereverTheArraysLie) {
  expect_same_bits_everywhere([&](size_t shift) {
    Shifted a(a_, shift);
    Shifted b(b_, shift / 2);
    Shifted c(c_, shift / 3);
    multiply(a.data(), b.data(), 1, c.data());
    return c.values();
  });
}

TEST(Bf16Gemm, RoundsItsOperands) {
  const Values a = random_values(20 * 50, 1);
  const Values b = random_values(50 * 40, 2);
  Values scratch(static_cast<size_t>(gemm_scratch(Precision::kBf16)));
  const auto product = [&](const Values& left, const Values& right) {
    Values c(20 * 40);
    gemm(Precision::kBf16, Transpose::kNo, Transpose::kNo, 20, 40, 50, left.data(), 50, right.data(), 40,
         false, c.data(), 40, scratch.data());
    return c;
  };
  EXPECT_TRUE(test::same_bits(product(a, b), product(rounded_to_bf16(a), rounded_to_bf16(b))));
}

TEST(RowSums, AreThoseOfTheReference) {
  for (const int64_t rows : {1, 3, 50}) {
    for (const int64_t count : {16, 32, 80, 576, 9216}) {
      const Values in = random_values(rows * count, 4);
      for (const bool accumulate : {false, true}) {
        Values found = random_values(rows, 5);
        Values expected = found;
        Values sizes = absolute(found);
        row_sums(rows, count, in.data(), accumulate, found.data());
        reference::row_sums(rows, count, in.data(), accumulate, expected.data());
        reference::row_sums(rows, count, absolute(in).data(), true, sizes.data());
        expect_near(found, expected, sizes);
      }
    }
  }
}

TEST(RowSums, ReplaceWhateverWasThere) {
  Values sums(2, kNan);
  row_sums(2, 16, Values(32, 0.5f).data(), false, sums.data());
  EXPECT_EQ(sums, (Values{8, 8}));
}

TEST(RowSums, GiveTheSameBitsWhereverTheArrayLies) {
  const Values in = random_values(5 * 208, 6);
  expect_same_bits_everywhere([&](size_t shift) {
    Shifted from(in, shift);
    Values out(5);
    row_sums(5, 208, from.data(), false, out.data());
    return out;
  });
}

TEST(AddToRows, AddsEachRowsValueAndLeavesTheGaps) {
  const Values values = {0.5f, -2, 4};
  const Values before = random_values(3 * 20, 7);
  Values in = before;
  add_to_rows(3, 16, values.data(), in.data(), 20);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(in[i], i % 20 < 16 ? before[i] + values[i / 20] : before[i]);
}

TEST(Library, SaysWhichItIs) {
  EXPECT_EQ(library_version().find("oneDNN "), 0u);
  EXPECT_FALSE(instruction_set().empty());
}

}  // namespace
}  // namespace lockstep::kernels
