#include "lockstep/data/permutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lockstep/data/loader.h"
#include "support/expect.h"

namespace lockstep::data {
namespace {

std::vector<int64_t> all_of(uint64_t seed, uint32_t epoch, int64_t count) {
  const Permutation order(seed, epoch, count);
  std::vector<int64_t> result;
  for (int64_t place = 0; place < count; ++place) result.push_back(order(place));
  return result;
}

std::vector<int64_t> sorted(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<int64_t> counting(int64_t count) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(i);
  return result;
}

TEST(Permutation, HasEveryIndexOnce) {
  for (const int64_t count : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000, 4096, 60000}) {
    for (const uint32_t epoch : {0u, 1u, 7u}) {
      EXPECT_EQ(sorted(all_of(1, epoch, count)), counting(count)) << count;
    }
  }
}

TEST(Permutation, IsAnotherInEachEpochAndForEachSeed) {
  const auto one = all_of(1, 0, 1000);
  EXPECT_EQ(all_of(1, 0, 1000), one);
  for (const auto& other : {all_of(1, 1, 1000), all_of(2, 0, 1000), all_of(uint64_t{1} << 40, 0, 1000)}) {
    int64_t same = 0;
    for (size_t i = 0; i < one.size(); ++i) same += one[i] == other[i] ? 1 : 0;
    EXPECT_LT(same, 10) << "of two random orders one place agrees on average";
  }
}

// Pearson's statistic of counts that should be equal.
double chi_squared(const std::vector<int>& counts, double expected) {
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

// Five standard deviations above its mean.
double five_sigma(double freedom) { return freedom + 5 * std::sqrt(2 * freedom); }

TEST(Permutation, PutsEverySampleEverywhereEquallyOften) {
  constexpr int kEpochs = 20000;
  for (const int64_t count : {2, 3, 10, 16}) {
    std::vector<int> counts(static_cast<size_t>(count * count));
    for (uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
      const auto order = all_of(3, epoch, count);
      for (int64_t place = 0; place < count; ++place) {
        ++counts[static_cast<size_t>(place * count + order[static_cast<size_t>(place)])];
      }
    }
    const double freedom = static_cast<double>((count - 1) * (count - 1));
    EXPECT_LT(chi_squared(counts, kEpochs / static_cast<double>(count)), five_sigma(freedom) + 1) << count;
  }
}

TEST(Permutation, NeighboursInTheOrderAreNotNeighboursInTheData) {
  constexpr int64_t kCount = 60000;
  const auto order = all_of(1, 0, kCount);
  std::vector<int> eighths(64);
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    ++eighths[static_cast<size_t>(order[i] * 8 / kCount * 8 + order[i + 1] * 8 / kCount)];
  }
  EXPECT_LT(chi_squared(eighths, (kCount - 1) / 64.0), five_sigma(63));
}

TEST(Permutation, OfNothingIsAnError) {
  test::expect_error([] { Permutation(1, 0, 0); }, {"nothing to shuffle: 0 samples"});
}

TEST(Order, CoversEachSampleOnceAnEpochWithASmallerLastBatch) {
  for (const int64_t samples : {1, 10, 50, 64, 65}) {
    for (const int64_t batch : {1, 7, 10, 64, 100}) {
      const Order order(1, samples, batch);
      std::vector<int64_t> seen;
      for (int64_t step = 0; step < order.first_step_of(1); ++step) {
        const bool last = step + 1 == order.first_step_of(1);
        EXPECT_EQ(order.batch_of(step), last ? samples - step * batch : batch);
        EXPECT_EQ(order.epoch_of(step), 0);
        EXPECT_EQ(order.position_of(step), step * batch);
        for (const int64_t index : order.indices(step, 0, order.batch_of(step))) seen.push_back(index);
      }
      EXPECT_EQ(sorted(seen), counting(samples));
    }
  }
}

TEST(Order, TheNextEpochBeginsAnew) {
  const Order order(1, 50, 20);
  ASSERT_EQ(order.first_step_of(1), 3);
  EXPECT_EQ(order.epoch_of(3), 1);
  EXPECT_EQ(order.position_of(3), 0);
  EXPECT_EQ(order.batch_of(5), 10);
  EXPECT_NE(order.indices(3, 0, 20), order.indices(0, 0, 20));
}

// 50 samples: 2 epochs of 20, 20, 10; one of 8 steps of 7 (the last of 1); then one step an epoch.
TEST(Order, MinibatchesMayChangeFromOneEpochToTheNext) {
  const Order order(1, 50, *BatchSizes::parse("20, 7 after 2, 64 after 3"));
  const std::vector<int64_t> first_steps = {0, 3, 6, 14, 15, 16};
  const std::vector<int64_t> sizes = {20, 20, 7, 64, 64};
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    const int64_t first = first_steps[static_cast<size_t>(epoch)];
    const int64_t end = first_steps[static_cast<size_t>(epoch) + 1];
    EXPECT_EQ(order.first_step_of(epoch), first);
    std::vector<int64_t> seen;
    for (int64_t step = first; step < end; ++step) {
      const int64_t position = (step - first) * sizes[static_cast<size_t>(epoch)];
      EXPECT_EQ(order.epoch_of(step), epoch);
      EXPECT_EQ(order.position_of(step), position);
      EXPECT_EQ(order.batch_of(step), std::min(sizes[static_cast<size_t>(epoch)], 50 - position));
      EXPECT_EQ(order.samples_before(step), epoch * 50 + position);
      EXPECT_DOUBLE_EQ(
          order.epochs_before(step),
          static_cast<double>(epoch) + static_cast<double>(step - first) / static_cast<double>(end - first));
      for (const int64_t index : order.indices(step, 0, order.batch_of(step))) seen.push_back(index);
    }
    EXPECT_EQ(seen, all_of(1, static_cast<uint32_t>(epoch), 50))
        << "the order is that of any other minibatch";
  }
  EXPECT_EQ(order.whole_batches(), (std::vector<int64_t>{20, 7, 50}));
  EXPECT_EQ(order.last_batches(), (std::vector<int64_t>{10, 1, 50}));
}

TEST(Order, AnyPartOfABatchIsThatPartOfTheWhole) {
  const Order order(9, 1000, 100);
  const auto whole = order.indices(13, 0, 100);
  for (const int64_t begin : {0, 1, 50, 99}) {
    EXPECT_EQ(order.indices(13, begin, 100), std::vector<int64_t>(whole.begin() + begin, whole.end()));
  }
  EXPECT_TRUE(order.indices(13, 5, 5).empty());
}

}  // namespace
}  // namespace lockstep::data
