#include "lockstep/kernels/convolution.h"

#include <limits>
#include <utility>

#include "compare.h"
#include "lockstep/kernels/reference.h"

namespace lockstep::kernels {
namespace {

using test::random_values;

struct Case {
  ConvolutionShape shape;
  int64_t columns;
};

// in_channels, in_height, in_width, out_channels, kernel_height, kernel_width, stride, pad; then columns.
const std::vector<Case> kCases = {
    {{1, 1, 1, 1, 1, 1, 1, 0}, 16},     // a single product
    {{1, 28, 28, 20, 5, 5, 1, 0}, 16},  // LeNet's first
    {{20, 12, 12, 50, 5, 5, 1, 0}, 32},
    {{3, 9, 7, 5, 3, 3, 1, 1}, 16},    // not square, padded
    {{3, 7, 9, 5, 3, 3, 2, 1}, 32},    // a kernel larger than its stride
    {{3, 8, 11, 4, 3, 3, 2, 1}, 16},   // the last column and row are not reached
    {{2, 10, 13, 3, 2, 2, 3, 0}, 16},  // a stride larger than its kernel: some inputs are read by nobody
    {{3, 9, 10, 7, 5, 5, 2, 4}, 16},   // padding of almost the kernel
    {{4, 3, 2, 3, 4, 4, 1, 2}, 16},    // a kernel larger than the picture
    {{5, 6, 1, 2, 3, 3, 1, 1}, 32},    // a picture one cell wide: outer taps read padding alone
    {{20, 5, 6, 3, 1, 1, 1, 0}, 16},   // one by one
    {{3, 6, 8, 4, 3, 2, 1, 1}, 16},    // a kernel that is not square
    {{50, 4, 4, 3, 4, 4, 1, 0}, 16},   // one output
    {{1, 9, 12, 6, 7, 7, 1, 0}, 16},   // few taps, of rows that are not whole tiles
    {{2, 8, 9, 5, 3, 3, 1, 0}, 32},
    {{3, 6, 8, 7, 4, 4, 1, 0}, 16},
    {{2, 4, 1, 3, 5, 5, 1, 2}, 16},  // taps that no output reads inside the picture
    {{2, 5, 1, 3, 5, 5, 2, 2}, 16},
    {{1, 40, 300, 2, 5, 5, 1, 2}, 32},  // more rows than are unfolded at once
    {{20, 30, 30, 5, 5, 5, 2, 2}, 32},
};

class Convolution : public ::testing::TestWithParam<Case> {
 protected:
  ConvolutionShape s_ = GetParam().shape;
  int64_t columns_ = GetParam().columns;
  Values in_ = random_values(s_.in_channels * s_.in_height * s_.in_width * columns_, 1);
  Values weights_ = random_values(s_.out_channels * s_.taps(), 2);
  Values bias_ = random_values(s_.out_channels, 3);
  Values delta_ = random_values(s_.out_channels * s_.out_height() * s_.out_width() * columns_, 4);

  Values scratch() const {
    return Values(static_cast<size_t>(convolution_scratch(s_, columns_)),
                  std::numeric_limits<float>::quiet_NaN());
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, Convolution, ::testing::ValuesIn(kCases));

TEST_P(Convolution, FpropIsTheReference) {
  for (const float* bias : {std::as_const(bias_).data(), static_cast<const float*>(nullptr)}) {
    Values found(delta_.size(), std::numeric_limits<float>::quiet_NaN());
    Values expected(delta_.size());
    Values sizes(delta_.size());
    convolution_fprop(s_, columns_, in_.data(), weights_.data(), bias, found.data(), scratch().data());
    reference::convolution_fprop(s_, columns_, in_.data(), weights_.data(), bias, expected.data());
    reference::convolution_fprop(s_, columns_, absolute(in_).data(), absolute(weights_).data(),
                                 absolute(bias_).data(), sizes.data());
    expect_near(found, expected, sizes);
  }
}

TEST_P(Convolution, BpropIsTheReference) {
  for (const bool accumulate : {false, true}) {
    Values found = random_values(static_cast<int64_t>(in_.size()), 5);
    if (!accumulate) found.assign(found.size(), std::numeric_limits<float>::quiet_NaN());
    Values expected = found;
    Values sizes(found.size(), 1.0f);
    convolution_bprop(s_, columns_, delta_.data(), weights_.data(), accumulate, found.data(),
                      scratch().data());
    reference::convolution_bprop(s_, columns_, delta_.data(), weights_.data(), accumulate, expected.data());
    reference::convolution_bprop(s_, columns_, absolute(delta_).data(), absolute(weights_).data(), true,
                                 sizes.data());
    expect_near(found, expected, sizes);
  }
}

TEST_P(Convolution, GradIsTheReference) {
  for (const bool accumulate : {false, true}) {
    Values found = random_values(static_cast<int64_t>(weights_.size()), 6);
    if (!accumulate) found.assign(found.size(), std::numeric_limits<float>::quiet_NaN());
    Values expected = found;
    Values sizes(found.size(), 1.0f);
    convolution_grad(s_, columns_, in_.data(), delta_.data(), accumulate, found.data(), scratch().data());
    reference::convolution_grad(s_, columns_, in_.data(), delta_.data(), accumulate, expected.data());
    reference::convolution_grad(s_, columns_, absolute(in_).data(), absolute(delta_).data(), true,
                                sizes.data());
    expect_near(found, expected, sizes);
  }
}

// The last microbatch has fewer columns than what a workspace was made for.
TEST(ConvolutionScratch, ServesFewerColumnsToo) {
  for (const int64_t channels : {1, 3, 20, 64, 300}) {
    for (const int64_t size : {5, 12, 28, 64}) {
      const ConvolutionShape s{channels, size, size, 8, 5, 5, 1, 2};
      for (int64_t columns = 16; columns <= 256; columns += 16) {
        EXPECT_LE(convolution_scratch(s, columns), convolution_scratch(s, columns + 16))
            << channels << " channels, " << size << " wide, " << columns << " columns";
      }
    }
  }
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// <y, P x> = <P^T y, x>, with P the convolution by fixed weights; and the same as a function of the weights.
TEST_P(Convolution, BpropAndGradAreTheAdjointsOfFprop) {
  Values out(delta_.size());
  Values in_delta(in_.size());
  Values gradient(weights_.size());
  convolution_fprop(s_, columns_, in_.data(), weights_.data(), nullptr, out.data(), scratch().data());
  convolution_bprop(s_, columns_, delta_.data(), weights_.data(), false, in_delta.data(), scratch().data());
  convolution_grad(s_, columns_, in_.data(), delta_.data(), false, gradient.data(), scratch().data());
  const double bound = 1e-6 * (dot(absolute(delta_), absolute(out)) + 1);
  EXPECT_NEAR(dot(in_delta, in_), dot(delta_, out), bound);
  EXPECT_NEAR(dot(gradient, weights_), dot(delta_, out), bound);
}

TEST_P(Convolution, GivesTheSameBitsWhereverTheArraysLie) {
  expect_same_bits_everywhere([&](size_t shift) {
    Shifted in(in_, shift);
    Shifted weights(weights_, shift);
    Shifted delta(delta_, shift / 2);
    Shifted work(scratch(), shift / 3);
    Shifted out(Values(delta_.size()), shift);
    Shifted in_delta(Values(in_.size()), shift / 2);
    Shifted gradient(Values(weights_.size()), shift);
    convolution_fprop(s_, columns_, in.data(), weights.data(), bias_.data(), out.data(), work.data());
    convolution_bprop(s_, columns_, delta.data(), weights.data(), false, in_delta.data(), work.data());
    convolution_grad(s_, columns_, in.data(), delta.data(), false, gradient.data(), work.data());
    Values all = out.values();
    for (const Values& more : {in_delta.values(), gradient.values()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  });
}

}  // namespace
}  // namespace lockstep::kernels
