#include "lockstep/data/epoch_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

namespace lockstep::data {
namespace {

std::vector<int64_t> order_of(int64_t samples, const Shuffle& shuffle, uint64_t seed = 1,
                              uint32_t epoch = 0) {
  const EpochOrder order(seed, epoch, samples, shuffle);
  std::vector<int64_t> result;
  for (int64_t place = 0; place < samples; ++place) result.push_back(order(place));
  return result;
}

std::set<int64_t> blocks_of(const std::vector<int64_t>& order, size_t begin, size_t end, int64_t block) {
  std::set<int64_t> blocks;
  for (size_t i = begin; i < end; ++i) blocks.insert(order[i] / block);
  return blocks;
}

TEST(EpochOrder, HasEverySampleOnceWhateverTheBlocks) {
  for (const int64_t samples : {1, 7, 64, 65, 1000}) {
    for (const Shuffle shuffle : {Shuffle{0, 0}, Shuffle{1, 1}, Shuffle{8, 1}, Shuffle{8, 3},
                                  Shuffle{8, 1000}, Shuffle{64, 2}, Shuffle{5000, 4}}) {
      std::vector<int64_t> order = order_of(samples, shuffle);
      std::sort(order.begin(), order.end());
      std::vector<int64_t> all(static_cast<size_t>(samples));
      std::iota(all.begin(), all.end(), 0);
      EXPECT_EQ(order, all) << samples << " samples, " << shuffle.text();
    }
  }
}

TEST(EpochOrder, OfBlocksHasThoseOfAPoolTogether) {
  const int64_t block = 8;
  const auto order = order_of(100 * block + 3, {block, 5});
  std::set<int64_t> before;
  for (size_t pool = 0; pool < 20; ++pool) {
    const size_t begin = pool * 40;
    const auto blocks = blocks_of(order, begin, pool == 19 ? order.size() : begin + 40, block);
    EXPECT_EQ(blocks.size(), pool == 19 ? 6u : 5u) << "with the rest in the last";
    for (const int64_t b : blocks) EXPECT_TRUE(before.insert(b).second) << "block " << b << " is of one pool";
  }
}

TEST(EpochOrder, OfBlocksMixesThePoolAndTheBlocks) {
  const auto order = order_of(6400, {8, 10});
  EXPECT_GE(blocks_of(order, 0, 40, 8).size(), 8u) << "of ten that half of the pool can be of";
  const auto first_pool = blocks_of(order, 0, 80, 8);
  EXPECT_GT(*first_pool.rbegin() - *first_pool.begin(), 100) << "blocks from all over the file";
}

TEST(EpochOrder, IsAnotherInEachEpochAndForEachSeed) {
  for (const Shuffle shuffle : {Shuffle{}, Shuffle{8, 4}}) {
    const auto usual = order_of(640, shuffle);
    EXPECT_NE(order_of(640, shuffle, 1, 1), usual);
    EXPECT_NE(order_of(640, shuffle, 2, 0), usual);
    EXPECT_EQ(order_of(640, shuffle, 1, 0), usual);
  }
}

TEST(Shuffle, IsReadAsItIsWritten) {
  for (const char* text : {"samples", "blocks 512 x 16", "blocks 1 x 1"}) {
    const auto shuffle = Shuffle::parse(text);
    ASSERT_TRUE(shuffle) << text;
    EXPECT_EQ(shuffle->text(), text);
  }
  for (const char* text : {"", "blocks", "blocks 512", "blocks 0 x 4", "blocks 4 x 0", "blocks 4 x 4 x 4",
                           "blocks 4 by 4", "blocks -4 x 4", "sample"}) {
    EXPECT_FALSE(Shuffle::parse(text)) << text;
  }
}

}  // namespace
}  // namespace lockstep::data
