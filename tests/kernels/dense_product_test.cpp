#include "lockstep/kernels/dense_product.h"

#include "compare.h"
#include "lockstep/kernels/reference.h"

namespace lockstep::kernels {
namespace {

using test::random_values;

struct Product {
  int64_t rows, columns, terms;
};

// Fewer rows than a tile, one more than two tiles, columns that end with half a tile, single terms.
const std::vector<Product> kProducts = {{1, 16, 1},   {3, 32, 5},   {12, 48, 33}, {25, 64, 7},
                                        {10, 16, 50}, {50, 80, 64}, {31, 48, 784}};

class DenseProduct : public ::testing::TestWithParam<std::tuple<Product, bool>> {
 protected:
  Product p_ = std::get<0>(GetParam());
  bool transposed_ = std::get<1>(GetParam());
  Values a_ = random_values(p_.rows * p_.terms, 1);
  Values in_ = random_values(p_.terms * p_.columns, 2);
  Values bias_ = random_values(p_.rows, 3);
  Values out_ = random_values(p_.rows * p_.columns, 4);

  Transpose transpose_ = transposed_ ? Transpose::kYes : Transpose::kNo;

  Values product(const float* bias, bool accumulate, Values out) const {
    dense_product(Precision::kFloat32, p_.rows, p_.columns, p_.terms, {a_.data(), transpose_}, in_.data(),
                  bias, accumulate, out.data(), nullptr);
    return out;
  }
  Values reference(const Values& a, const Values& in, const Values& bias, float beta, Values out) const {
    reference::gemm(transposed_ ? Transpose::kYes : Transpose::kNo, Transpose::kNo, p_.rows, p_.columns,
                    p_.terms, a.data(), transposed_ ? p_.rows : p_.terms, in.data(), p_.columns, beta,
                    out.data(), p_.columns);
    for (int64_t i = 0; i < static_cast<int64_t>(out.size()); ++i)
      out[static_cast<size_t>(i)] += bias.empty() ? 0.0f : bias[static_cast<size_t>(i / p_.columns)];
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, DenseProduct,
                         ::testing::Combine(::testing::ValuesIn(kProducts), ::testing::Bool()));

TEST_P(DenseProduct, IsTheReferenceWithAndWithoutBias) {
  const Values nans(out_.size(), kNan);
  const Values sizes = reference(absolute(a_), absolute(in_), absolute(bias_), 1.0f, absolute(out_));
  expect_near(product(bias_.data(), false, nans), reference(a_, in_, bias_, 0.0f, out_), sizes);
  expect_near(product(nullptr, false, nans), reference(a_, in_, {}, 0.0f, out_), sizes);
  expect_near(product(nullptr, true, out_), reference(a_, in_, {}, 1.0f, out_), sizes);
}

// A column is a sample: what others are in the microbatch must not change it.
TEST_P(DenseProduct, ASampleDoesNotDependOnTheColumnItHas) {
  const Values whole = product(bias_.data(), false, out_);
  const int64_t last = p_.columns - 16;
  Values in(static_cast<size_t>(p_.terms * 16));
  for (int64_t k = 0; k < p_.terms; ++k) {
    for (int64_t n = 0; n < 16; ++n)
      in[static_cast<size_t>(k * 16 + n)] = in_[static_cast<size_t>(k * p_.columns + last + n)];
  }
  Values alone(static_cast<size_t>(p_.rows * 16));
  dense_product(Precision::kFloat32, p_.rows, 16, p_.terms, {a_.data(), transpose_}, in.data(), bias_.data(),
                false, alone.data(), nullptr);
  for (int64_t r = 0; r < p_.rows; ++r) {
    for (int64_t n = 0; n < 16; ++n) {
      EXPECT_EQ(alone[static_cast<size_t>(r * 16 + n)],
                whole[static_cast<size_t>(r * p_.columns + last + n)]);
    }
  }
}

TEST_P(DenseProduct, GivesTheSameBitsWhereverTheArraysLie) {
  expect_same_bits_everywhere([&](size_t shift) {
    Shifted a(a_, shift);
    Shifted in(in_, shift / 2);
    Shifted out(out_, shift);
    dense_product(Precision::kFloat32, p_.rows, p_.columns, p_.terms, {a.data(), transpose_}, in.data(),
                  bias_.data(), true, out.data(), nullptr);
    return out.values();
  });
}

}  // namespace
}  // namespace lockstep::kernels
