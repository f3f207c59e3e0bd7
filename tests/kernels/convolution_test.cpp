#include "lockstep/kernels/convolution.h"

#include <utility>

#include "compare.h"
#include "kernels/winograd.h"
#include "lockstep/kernels/precision.h"
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
    {{32, 6, 7, 13, 5, 5, 1, 2}, 16},  // weight gradients with channels in vectors
    {{26, 9, 8, 40, 3, 3, 2, 1}, 32},
    {{60, 5, 30, 12, 4, 4, 3, 2}, 16},
    {{32, 40, 40, 15, 5, 5, 1, 4}, 32},  // several chunks of rows
    // by Winograd's algorithm, and without it
    {{16, 8, 8, 16, 3, 3, 1, 1}, 32},
    {{16, 8, 8, 16, 3, 3, 1, 1, false}, 32},
    {{17, 9, 11, 20, 3, 3, 1, 1}, 16},  // odd channels, tiles that reach beyond the picture
    {{33, 7, 6, 18, 3, 3, 1, 0}, 16},
    {{16, 6, 5, 31, 3, 3, 1, 2}, 48},
    {{40, 33, 18, 17, 3, 3, 1, 1}, 16},  // several blocks of tiles
    {{65, 4, 5, 64, 3, 3, 1, 1}, 16},
};

ConvolutionShape in_precision(ConvolutionShape shape, Precision precision) {
  shape.precision = precision;
  return shape;
}

class Convolution : public ::testing::TestWithParam<std::tuple<Case, Precision>> {
 protected:
  Precision precision_ = std::get<1>(GetParam());
  ConvolutionShape s_ = in_precision(std::get<0>(GetParam()).shape, precision_);
  int64_t columns_ = std::get<0>(GetParam()).columns;
  Values in_ = operand(s_.in_channels * s_.in_height * s_.in_width * columns_, 1);
  Values weights_ = operand(s_.out_channels * s_.taps(), 2);
  Values bias_ = random_values(s_.out_channels, 3);
  Values delta_ = operand(s_.out_channels * s_.out_height() * s_.out_width() * columns_, 4);

  Values operand(int64_t size, uint32_t item) const {
    return operands_for(precision_, random_values(size, item));
  }

  // Winograd's transforms add and subtract what the direct sum never sees.
  double bound() const {
    const bool by_winograd = convolution_work(s_).fprop.kernel.find("Winograd") != std::string::npos;
    return by_winograd ? 8e-6 : 2e-6;
  }

  Values scratch() const { return Values(static_cast<size_t>(convolution_scratch(s_, columns_)), kNan); }
};

INSTANTIATE_TEST_SUITE_P(Shapes, Convolution,
                         ::testing::Combine(::testing::ValuesIn(kCases),
                                            ::testing::Values(Precision::kFloat32, Precision::kBf16)));

TEST_P(Convolution, FpropIsTheReference) {
  for (const float* bias : {std::as_const(bias_).data(), static_cast<const float*>(nullptr)}) {
    Values found(delta_.size(), kNan);
    Values expected(delta_.size());
    Values sizes(delta_.size());
    convolution_fprop(s_, columns_, in_.data(), weights_.data(), bias, found.data(), scratch().data());
    reference::convolution_fprop(s_, columns_, in_.data(), weights_.data(), bias, expected.data());
    reference::convolution_fprop(s_, columns_, absolute(in_).data(), absolute(weights_).data(),
                                 absolute(bias_).data(), sizes.data());
    expect_near(found, expected, sizes, bound());
  }
}

TEST_P(Convolution, BpropIsTheReference) {
  for (const bool accumulate : {false, true}) {
    Values found = random_values(static_cast<int64_t>(in_.size()), 5);
    if (!accumulate) found.assign(found.size(), kNan);
    Values expected = found;
    Values sizes(found.size(), 1.0f);
    convolution_bprop(s_, columns_, delta_.data(), weights_.data(), accumulate, found.data(),
                      scratch().data());
    reference::convolution_bprop(s_, columns_, delta_.data(), weights_.data(), accumulate, expected.data());
    reference::convolution_bprop(s_, columns_, absolute(delta_).data(), absolute(weights_).data(), true,
                                 sizes.data());
    expect_near(found, expected, sizes, bound());
  }
}

TEST_P(Convolution, GradIsTheReference) {
  for (const bool accumulate : {false, true}) {
    Values found = random_values(static_cast<int64_t>(weights_.size()), 6);
    if (!accumulate) found.assign(found.size(), kNan);
    Values expected = found;
    Values sizes(found.size(), 1.0f);
    convolution_grad(s_, columns_, in_.data(), delta_.data(), accumulate, found.data(), scratch().data());
    reference::convolution_grad(s_, columns_, in_.data(), delta_.data(), accumulate, expected.data());
    reference::convolution_grad(s_, columns_, absolute(in_).data(), absolute(delta_).data(), true,
                                sizes.data());
    expect_near(found, expected, sizes, bound());
  }
}

// The last microbatch has fewer columns than what a workspace was made for.
TEST(ConvolutionScratch, ServesFewerColumnsToo) {
  for (const int64_t channels : {1, 3, 20, 64, 300}) {
    for (const int64_t size : {5, 12, 28, 64}) {
      for (const int64_t kernel : {3, 5}) {
        for (const Precision precision : {Precision::kFloat32, Precision::kBf16}) {
          const ConvolutionShape s =
              in_precision({channels, size, size, 16, kernel, kernel, 1, 2}, precision);
          for (int64_t columns = 16; columns <= 256; columns += 16) {
            EXPECT_LE(convolution_scratch(s, columns), convolution_scratch(s, columns + 16))
                << channels << " channels, " << size << " wide, " << columns << " columns";
          }
        }
      }
    }
  }
}

TEST(Winograd, ServesThreeByThreeOfStrideOneWithChannelsEnough) {
  EXPECT_TRUE(has_winograd({64, 8, 8, 32, 3, 3, 1, 1}));
  EXPECT_FALSE(has_winograd({64, 8, 8, 32, 3, 3, 1, 1, false})) << "not allowed";
  EXPECT_FALSE(has_winograd({3, 8, 8, 32, 3, 3, 1, 1})) << "few channels";
  EXPECT_FALSE(has_winograd({64, 8, 8, 32, 3, 3, 2, 1})) << "a stride of two";
  EXPECT_FALSE(has_winograd({64, 8, 8, 32, 5, 5, 1, 2})) << "another kernel";
  EXPECT_FALSE(has_winograd({64, 4, 4, 32, 3, 3, 1, 0})) << "outputs that fill no tile";
}

// Against the direct sum, as the root of the mean square: what the README states.
TEST(Winograd, IsWithinFourMillionthsOfTheDirectSum) {
  const ConvolutionShape direct{128, 8, 8, 128, 3, 3, 1, 1, false};
  ConvolutionShape fast = direct;
  fast.winograd = true;
  const int64_t size = 128 * 8 * 8 * 16;
  const Values in = random_values(size, 1);
  const Values weights = random_values(128 * direct.taps(), 2);
  Values scratch(
      static_cast<size_t>(std::max(convolution_scratch(direct, 16), convolution_scratch(fast, 16))));
  Values expected(static_cast<size_t>(size));
  Values found(expected.size());
  convolution_fprop(direct, 16, in.data(), weights.data(), nullptr, expected.data(), scratch.data());
  convolution_fprop(fast, 16, in.data(), weights.data(), nullptr, found.data(), scratch.data());
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    difference += std::pow(static_cast<double>(found[i]) - static_cast<double>(expected[i]), 2);
    norm += std::pow(static_cast<double>(expected[i]), 2);
  }
  EXPECT_LT(std::sqrt(difference / norm), 4e-6);
  EXPECT_GT(difference, 0) << "both are the direct sum";
}

// Every kernel that says it is in bf16 sees nothing of its operands but their upper halves.
TEST(Bf16Convolution, RoundsItsOperands) {
  const ConvolutionShape s = in_precision({33, 6, 5, 40, 3, 3, 1, 1}, Precision::kBf16);
  ASSERT_EQ(convolution_work(s).fprop.kernel.find("bf16"), 0u);
  const Values in = random_values(33 * 30 * 32, 1);
  const Values weights = random_values(40 * s.taps(), 2);
  const Values delta = random_values(40 * 30 * 32, 4);
  Values scratch(static_cast<size_t>(convolution_scratch(s, 32)));
  const auto all_three = [&](const Values& x, const Values& w, const Values& d) {
    Values out(delta.size());
    Values in_delta(in.size());
    Values gradient(weights.size());
    convolution_fprop(s, 32, x.data(), w.data(), nullptr, out.data(), scratch.data());
    convolution_bprop(s, 32, d.data(), w.data(), false, in_delta.data(), scratch.data());
    convolution_grad(s, 32, x.data(), d.data(), false, gradient.data(), scratch.data());
    out.insert(out.end(), in_delta.begin(), in_delta.end());
    out.insert(out.end(), gradient.begin(), gradient.end());
    return out;
  };
  EXPECT_TRUE(
      test::same_bits(all_three(in, weights, delta),
                      all_three(rounded_to_bf16(in), rounded_to_bf16(weights), rounded_to_bf16(delta))));
}

// <y, P x> = <P^T y, x>, with P the convolution by fixed weights; and the same as a function of the weights.
TEST_P(Convolution, BpropAndGradAreTheAdjointsOfFprop) {
  Values out(delta_.size());
  Values in_delta(in_.size());
  Values gradient(weights_.size());
  convolution_fprop(s_, columns_, in_.data(), weights_.data(), nullptr, out.data(), scratch().data());
  convolution_bprop(s_, columns_, delta_.data(), weights_.data(), false, in_delta.data(), scratch().data());
  convolution_grad(s_, columns_, in_.data(), delta_.data(), false, gradient.data(), scratch().data());
  const double near = 1e-6 * (dot(absolute(delta_), absolute(out)) + 1);
  EXPECT_NEAR(dot(in_delta, in_), dot(delta_, out), near);
  EXPECT_NEAR(dot(gradient, weights_), dot(delta_, out), near);
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
