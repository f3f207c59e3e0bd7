#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/analysis/plot.h"

namespace lockstep::analysis {
namespace {

using Numbers = std::vector<double>;

TEST(Ticks, AreRound) {
  EXPECT_EQ(ticks(0, 1, false, 5), (Numbers{0, 0.2, 0.4, 0.6, 0.8, 1}));
  EXPECT_EQ(ticks(-3, 3, false, 6), (Numbers{-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(ticks(0.13, 0.41, false, 6), (Numbers{0.15, 0.2, 0.25, 0.3, 0.35, 0.4}));
  EXPECT_EQ(ticks(0, 12345, false, 5), (Numbers{0, 2000, 4000, 6000, 8000, 10000, 12000}));
  EXPECT_EQ(ticks(4, 4, false, 5), (Numbers{4}));
}

TEST(Ticks, CanBeWhole) { EXPECT_EQ(ticks(0, 2.2, false, 10, true), (Numbers{0, 1, 2})); }

TEST(Ticks, OfALogarithmAreDecades) {
  EXPECT_EQ(ticks(0.001, 10, true, 6), (Numbers{0.001, 0.01, 0.1, 1, 10}));
  EXPECT_EQ(ticks(0.9, 25, true, 6), (Numbers{1, 2, 5, 10, 20}));
  EXPECT_EQ(ticks(1e-9, 1e9, true, 6), (Numbers{1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9}));
  // Less than from one to the next: as without.
  EXPECT_EQ(ticks(1.1, 1.5, true, 4), (Numbers{1.1, 1.2, 1.3, 1.4, 1.5}));
}

TEST(Ticks, AreWrittenShort) {
  EXPECT_EQ(tick_text(0.1 + 0.2), "0.3");
  EXPECT_EQ(tick_text(-2), "-2");
  EXPECT_EQ(tick_text(12000), "12000");
  EXPECT_EQ(tick_text(2e6), "2e6");
  EXPECT_EQ(tick_text(1e-5), "1e-5");
  EXPECT_EQ(tick_text(5e-10), "5e-10");
}

TEST(HistogramOf, CountsEveryFiniteValueOnce) {
  const std::vector<float> values = {0, 0.1f, 0.9f, 1, 2, 3.9f, 4, NAN, INFINITY};
  const Histogram histogram = histogram_of(values, 4);
  EXPECT_EQ(histogram.low, 0);
  EXPECT_EQ(histogram.high, 4);
  EXPECT_EQ(histogram.counts, (Numbers{3, 1, 1, 2}));
}

TEST(HistogramOf, OneValueIsOneBin) {
  for (const float value : {0.0f, 3.0f, -2.0f}) {
    const Histogram histogram = histogram_of(std::vector<float>(5, value), 40);
    EXPECT_EQ(histogram.counts, (Numbers{5}));
    EXPECT_LT(histogram.low, value);
    EXPECT_GT(histogram.high, value);
  }
  EXPECT_EQ(histogram_of({}, 40).counts, (Numbers{0}));
}

}  // namespace
}  // namespace lockstep::analysis
