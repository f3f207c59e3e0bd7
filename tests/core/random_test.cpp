#include "lockstep/core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace lockstep {
namespace {

using Block = std::array<uint32_t, 4>;

// The vectors that Random123 publishes for philox4x32 with 10 rounds. The counter's words are the position,
// the item, the time, and purpose and stream in one; the key is the seed.
TEST(RandomStream, GivesTheKnownAnswersOfPhilox) {
  EXPECT_EQ(RandomStream(0, Purpose{0}, 0).block(0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t all = ~uint32_t{0};
  EXPECT_EQ(RandomStream(~uint64_t{0}, Purpose{0xff}, all, all, 0xffffff).block(all),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      RandomStream(0x299f31d0a4093822, Purpose{0x44}, 0x85a308d3, 0x13198a2e, 0x037073).block(0x243f6a88),
      (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, WordsAreTheBlocksOneAfterTheOther) {
  RandomStream stream(5, Purpose::kTest, 7, 3, 2);
  const RandomStream fresh = stream;
  for (uint32_t position = 0; position < 5; ++position) {
    const Block block = fresh.block(position);
    for (const uint32_t word : block) EXPECT_EQ(stream.word(), word);
  }
}

TEST(RandomStream, ABlockDoesNotDependOnWhatWasDrawnBefore) {
  RandomStream stream(5, Purpose::kTest, 7);
  const Block before = stream.block(3);
  for (int i = 0; i < 100; ++i) stream.normal();
  EXPECT_EQ(stream.block(3), before);
}

TEST(RandomStream, EveryPartOfTheKeyGivesOtherNumbers) {
  std::set<Block> blocks;
  size_t streams = 0;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    for (const Purpose purpose : {Purpose::kInitialise, Purpose::kShuffle, Purpose::kDropout}) {
      for (const uint32_t item : {0u, 1u, 1u << 31}) {
        for (const uint32_t time : {0u, 1u, 1u << 31}) {
          for (const uint32_t layer : {0u, 1u, 0xffffffu}) {
            blocks.insert(RandomStream(seed, purpose, item, time, layer).block(0));
            ++streams;
          }
        }
      }
    }
  }
  EXPECT_EQ(blocks.size(), streams);
}

constexpr int kDraws = 200000;

struct Moments {
  double mean = 0;
  double variance = 0;
};

template <class Draw>
Moments moments(const Draw& draw) {
  RandomStream stream(9, Purpose::kTest, 1);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = draw(stream);
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

// Five standard deviations of a mean of so many independent values.
double five_sigma(double variance_of_one) { return 5 * std::sqrt(variance_of_one / kDraws); }

TEST(RandomStream, UniformNumbersHaveTheirMeanAndVariance) {
  const Moments m = moments([](RandomStream& s) {
    const double value = static_cast<double>(s.uniform());
    EXPECT_TRUE(value >= 0 && value < 1) << value;
    return value;
  });
  EXPECT_NEAR(m.mean, 0.5, five_sigma(1.0 / 12));
  EXPECT_NEAR(m.variance, 1.0 / 12, five_sigma(1.0 / 180));
}

TEST(RandomStream, UniformNumbersKeepTheirBounds) {
  const Moments m = moments([](RandomStream& s) {
    const double value = static_cast<double>(s.uniform(-3, 5));
    EXPECT_TRUE(value >= -3 && value <= 5) << value;
    return value;
  });
  EXPECT_NEAR(m.mean, 1, five_sigma(64.0 / 12));
}

TEST(RandomStream, NormalNumbersHaveTheirMomentsAndTails) {
  int beyond_two = 0;
  const Moments m = moments([&](RandomStream& s) {
    const double value = static_cast<double>(s.normal());
    EXPECT_TRUE(std::isfinite(value));
    beyond_two += std::fabs(value) > 2 ? 1 : 0;
    return value;
  });
  EXPECT_NEAR(m.mean, 0, five_sigma(1));
  EXPECT_NEAR(m.variance, 1, five_sigma(2));
  constexpr double kShare = 0.0455003;  // of a normal distribution, beyond two standard deviations
  EXPECT_NEAR(beyond_two / static_cast<double>(kDraws), kShare, five_sigma(kShare));
}

TEST(RandomStream, NeighbouringNormalNumbersAreNotCorrelated) {
  RandomStream stream(4, Purpose::kTest, 2);
  double products = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double a = static_cast<double>(stream.normal());
    products += a * static_cast<double>(stream.normal());
  }
  EXPECT_NEAR(products / kDraws, 0, five_sigma(1));
}

TEST(RandomStream, BelowIsUniformOverAllItsValues) {
  RandomStream stream(3, Purpose::kTest, 3);
  for (const uint32_t n : {1u, 2u, 3u, 10u}) {
    std::vector<int> counts(n);
    for (int i = 0; i < kDraws; ++i) ++counts.at(stream.below(n));
    const double share = 1.0 / n;
    for (const int count : counts) EXPECT_NEAR(count / static_cast<double>(kDraws), share, five_sigma(share));
  }
  for (int i = 0; i < 1000; ++i) EXPECT_LT(stream.below(0x80000001u), 0x80000001u);
}

}  // namespace
}  // namespace lockstep
