#include "lockstep/kernels/pooling.h"

#include <limits>

#include "compare.h"
#include "lockstep/kernels/reference.h"

namespace lockstep::kernels {
namespace {

using test::random_values;

struct PoolingCase {
  PoolingShape shape;
  int64_t columns;
};

// channels, in_height, in_width, window, stride; then columns.
const std::vector<PoolingCase> kPoolingCases = {
    {{1, 1, 1, 1, 1}, 16},       {{20, 24, 24, 2, 2}, 16},
    {{3, 7, 9, 2, 2}, 16},                                // windows that do not divide the picture
    {{3, 8, 11, 3, 3}, 32},      {{3, 9, 7, 3, 2}, 16},   // overlapping windows
    {{2, 6, 10, 4, 1}, 16},      {{5, 10, 6, 2, 3}, 32},  // cells that no window reads
    {{1, 5, 9, 5, 5}, 16},                                // one output row
    {{2, 17, 16, 15, 1}, 16},                             // the largest window
    {{3, 7, 9, 2, 2, true}, 16},                          // clipped windows
    {{2, 8, 6, 3, 2, true}, 32},                          // that overlap
    {{2, 2, 9, 3, 2, true}, 16},                          // a window larger than the picture
    {{2, 5, 8, 1, 3, true}, 16},                          // a last window that would start outside
    {{3, 4, 9, 9, 9, true}, 16},                          // the whole picture
};

class Pooling : public ::testing::TestWithParam<PoolingCase> {
 protected:
  PoolingShape s_ = GetParam().shape;
  int64_t columns_ = GetParam().columns;
  Values in_ = random_values(s_.channels * s_.in_height * s_.in_width * columns_, 1);
  Values delta_ = random_values(s_.channels * s_.out_height() * s_.out_width() * columns_, 2);
  std::vector<uint8_t> place_ = std::vector<uint8_t>(delta_.size(), 255);

  Values start(bool accumulate) const {
    if (accumulate) return random_values(static_cast<int64_t>(in_.size()), 3);
    return Values(in_.size(), kNan);
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, Pooling, ::testing::ValuesIn(kPoolingCases));

TEST_P(Pooling, MaxpoolFpropIsTheReference) {
  Values found(delta_.size());
  Values expected(delta_.size());
  maxpool_fprop(s_, columns_, in_.data(), found.data(), place_.data());
  reference::maxpool_fprop(s_, columns_, in_.data(), expected.data());
  EXPECT_TRUE(test::same_bits(found, expected));
}

TEST_P(Pooling, MaxpoolBpropIsTheReference) {
  Values out(delta_.size());
  maxpool_fprop(s_, columns_, in_.data(), out.data(), place_.data());
  for (const bool accumulate : {false, true}) {
    Values found = start(accumulate);
    Values expected = found;
    maxpool_bprop(s_, columns_, delta_.data(), place_.data(), accumulate, found.data());
    reference::maxpool_bprop(s_, columns_, in_.data(), delta_.data(), accumulate, expected.data());
    expect_near(found, expected, Values(found.size(), static_cast<float>(s_.window * s_.window + 1)), 1e-6);
  }
}

TEST_P(Pooling, AvgpoolFpropIsTheReference) {
  Values found(delta_.size(), kNan);
  Values expected(delta_.size());
  Values sizes(delta_.size());
  avgpool_fprop(s_, columns_, in_.data(), found.data());
  reference::avgpool_fprop(s_, columns_, in_.data(), expected.data());
  reference::avgpool_fprop(s_, columns_, absolute(in_).data(), sizes.data());
  expect_near(found, expected, sizes);
}

TEST_P(Pooling, AvgpoolBpropIsTheReference) {
  for (const bool accumulate : {false, true}) {
    Values found = start(accumulate);
    Values expected = found;
    avgpool_bprop(s_, columns_, delta_.data(), accumulate, found.data());
    reference::avgpool_bprop(s_, columns_, delta_.data(), accumulate, expected.data());
    expect_near(found, expected, Values(found.size(), 2.0f));
  }
}

// <y, P x> = <P^T y, x>; maxpool is linear while the places of the largest stay.
TEST_P(Pooling, BpropIsTheAdjointOfFprop) {
  Values out(delta_.size());
  Values in_delta(in_.size());
  avgpool_fprop(s_, columns_, in_.data(), out.data());
  avgpool_bprop(s_, columns_, delta_.data(), false, in_delta.data());
  const double bound = 1e-6 * (dot(absolute(delta_), absolute(delta_)) + 1);
  EXPECT_NEAR(dot(delta_, out), dot(in_delta, in_), bound);
  maxpool_fprop(s_, columns_, in_.data(), out.data(), place_.data());
  maxpool_bprop(s_, columns_, delta_.data(), place_.data(), false, in_delta.data());
  EXPECT_NEAR(dot(delta_, out), dot(in_delta, in_), bound);
}

TEST_P(Pooling, GivesTheSameBitsWhereverTheArraysLie) {
  expect_same_bits_everywhere([&](size_t shift) {
    Shifted in(in_, shift);
    Shifted delta(delta_, shift / 2);
    Shifted largest(Values(delta_.size()), shift);
    Shifted mean(Values(delta_.size()), shift / 3);
    Shifted in_delta(Values(in_.size()), shift);
    maxpool_fprop(s_, columns_, in.data(), largest.data(), place_.data());
    avgpool_fprop(s_, columns_, in.data(), mean.data());
    maxpool_bprop(s_, columns_, delta.data(), place_.data(), false, in_delta.data());
    avgpool_bprop(s_, columns_, delta.data(), true, in_delta.data());
    Values all = in_delta.values();
    for (const Values& more : {largest.values(), mean.values()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  });
}

TEST(Maxpool, OfEqualsTheFirstIsTheLargest) {
  const PoolingShape s{1, 2, 2, 2, 2};
  Values out(16);
  std::vector<uint8_t> place(16, 255);
  maxpool_fprop(s, 16, Values(64, 3.0f).data(), out.data(), place.data());
  EXPECT_EQ(place, std::vector<uint8_t>(16, 0));
  Values in_delta(64);
  maxpool_bprop(s, 16, Values(16, 1.0f).data(), place.data(), false, in_delta.data());
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(in_delta[i], i < 16 ? 1.0f : 0.0f);
}

TEST(Maxpool, ANanComesThroughFromEveryCellOfTheWindow) {
  const PoolingShape s{1, 3, 3, 3, 3};
  for (size_t cell = 0; cell < 9; ++cell) {
    Values in = random_values(9 * 16, 4, 1, 2);
    in[cell * 16 + 5] = kNan;
    Values out(16);
    std::vector<uint8_t> place(16);
    maxpool_fprop(s, 16, in.data(), out.data(), place.data());
    for (size_t n = 0; n < 16; ++n) EXPECT_EQ(std::isnan(out[n]), n == 5) << "cell " << cell;
  }
}

TEST(Maxpool, MinusInfinityIsANumberLikeOthers) {
  const PoolingShape s{1, 2, 2, 2, 2};
  Values out(16);
  std::vector<uint8_t> place(16);
  const float lowest = -std::numeric_limits<float>::infinity();
  maxpool_fprop(s, 16, Values(64, lowest).data(), out.data(), place.data());
  EXPECT_EQ(out, Values(16, lowest));
}

}  // namespace
}  // namespace lockstep::kernels
