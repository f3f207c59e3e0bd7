// What the tests of kernels share: results against the reference, and the same bits wherever arrays lie.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "lockstep/kernels/precision.h"
#include "support/expect.h"
#include "support/values.h"

namespace lockstep::kernels {

using Values = std::vector<float>;

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Each number within `bound` times the sum of the sizes of what was added up to it.
inline void expect_near(const Values& found, const Values& expected, const Values& sizes,
                        double bound = 2e-6) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    ASSERT_LE(difference, bound * static_cast<double>(sizes[i]) + 1e-30)
        << "number " << i << ": found " << found[i] << ", expected " << expected[i];
  }
}

inline Values absolute(Values values) {
  for (float& value : values) value = std::fabs(value);
  return values;
}

inline double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// To the nearest number of eight significant bits, ties to even. On such operands bf16 is exact but for the
// sums, which are in single precision, so that the same bounds hold.
inline Values rounded_to_bf16(Values values) {
  for (float& value : values) {
    int exponent = 0;
    const float fraction = std::frexp(value, &exponent);
    value = std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
  }
  return values;
}

inline Values operands_for(Precision precision, const Values& values) {
  return precision == Precision::kBf16 ? rounded_to_bf16(values) : values;
}

// A copy of an array that starts `shift` floats behind an address of a whole cache line.
class Shifted {
 public:
  Shifted(const Values& values, size_t shift) : memory_(values.size() + shift + 16), size_(values.size()) {
    const size_t misplaced = reinterpret_cast<uintptr_t>(memory_.data()) % 64 / sizeof(float);
    begin_ = memory_.data() + (16 - misplaced) % 16 + shift;
    if (size_ > 0) std::memcpy(begin_, values.data(), size_ * sizeof(float));
  }
  float* data() { return begin_; }
  Values values() const { return {begin_, begin_ + size_}; }

 private:
  Values memory_;
  size_t size_;
  float* begin_;
};

// What run(shift) returns shall be the same bits however often it runs and wherever its arrays lie.
template <class Run>
void expect_same_bits_everywhere(const Run& run) {
  const Values first = run(size_t{0});
  for (const size_t shift : {0, 1, 3, 8, 15}) {
    EXPECT_TRUE(test::same_bits(run(shift), first)) << "shifted by " << shift << " floats";
  }
}

}  // namespace lockstep::kernels
