#include "lockstep/kernels/centres.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/values.h"

namespace lockstep::kernels {
namespace {

TEST(CentreOffsets, AreMinusHalfTheSquaredLength) {
  for (const int64_t width : {1, 15, 16, 17, 108}) {
    const auto centres = test::random_values(3 * width, 1, -2, 2);
    std::vector<float> offsets(3);
    centre_offsets(3, width, centres.data(), offsets.data());
    for (int64_t k = 0; k < 3; ++k) {
      double squares = 0;
      for (int64_t i = 0; i < width; ++i) squares += std::pow(centres[static_cast<size_t>(k * width + i)], 2);
      EXPECT_NEAR(offsets[static_cast<size_t>(k)], -squares / 2, 1e-6 * squares) << width;
    }
  }
}

TEST(WinnersOfColumns, AreTheLargestWithTheirRows) {
  constexpr int64_t kRows = 23;
  constexpr int64_t kStride = 2 * kLanes;
  const auto values = test::distant_values(kRows * kStride, 1, 0.25f);
  for (int64_t first = 0; first < kStride; first += kLanes) {
    const Winners found = winners(kRows, values.data() + first, kStride);
    for (int64_t l = 0; l < kLanes; ++l) {
      int64_t best = 0;
      const auto at = [&](int64_t r) { return values[static_cast<size_t>(r * kStride + first + l)]; };
      for (int64_t r = 0; r < kRows; ++r) best = at(r) > at(best) ? r : best;
      EXPECT_EQ(found.row[static_cast<size_t>(l)], best);
      EXPECT_EQ(found.value[static_cast<size_t>(l)], at(best));
    }
  }
}

TEST(WinnersOfColumns, AreTheFirstOfEquals) {
  std::vector<float> values(5 * kLanes, 1.0f);
  for (size_t l = 0; l < kLanes; ++l) values[2 * kLanes + l] = values[4 * kLanes + l] = l < 8 ? 2.0f : 1.0f;
  const Winners found = winners(5, values.data(), kLanes);
  for (size_t l = 0; l < kLanes; ++l) EXPECT_EQ(found.row[l], l < 8 ? 2 : 0);
}

}  // namespace
}  // namespace lockstep::kernels
