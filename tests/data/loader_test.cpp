#include "lockstep/data/loader.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/expect.h"

namespace lockstep::data {
namespace {

// A split whose samples are their own indices; index 13 cannot be read.
class CountingSplit : public Split {
 public:
  int64_t rows() const override { return 100; }
  Samples fetch(std::vector<int64_t> indices) const override {
    Samples samples;
    for (const int64_t index : indices) {
      if (index == 13) fail("sample 13 is damaged");
      samples.labels.push_back(static_cast<int32_t>(index));
    }
    samples.indices = std::move(indices);
    fetched_on = std::this_thread::get_id();
    return samples;
  }
  mutable std::thread::id fetched_on;
};

std::vector<int64_t> three_of(int64_t set) { return {3 * set, 3 * set + 1, 3 * set + 2}; }

TEST(Loader, GivesWhatWasAskedForInOrder) {
  const CountingSplit split;
  for (const int64_t first : {0, 5}) {
    Loader loader(split, first, 20, [](int64_t set) {
      return std::vector<int64_t>{100 - set, 2 * set + 20};
    });
    for (int64_t set = first; set < 20; ++set) {
      const Samples samples = loader.next();
      EXPECT_EQ(samples.indices, (std::vector<int64_t>{100 - set, 2 * set + 20}));
      EXPECT_EQ(samples.labels,
                (std::vector<int32_t>{static_cast<int32_t>(100 - set), static_cast<int32_t>(2 * set + 20)}));
    }
  }
}

TEST(Loader, ASetMayBeEmpty) {
  const CountingSplit split;
  Loader loader(split, 0, 2, [](int64_t) { return std::vector<int64_t>(); });
  EXPECT_TRUE(loader.next().labels.empty());
  EXPECT_TRUE(loader.next().labels.empty());
}

TEST(Loader, ReadsOnAnotherThread) {
  const CountingSplit split;
  {
    Loader loader(split, 0, 1, three_of);
    loader.next();
  }
  EXPECT_NE(split.fetched_on, std::this_thread::get_id());
}

TEST(Loader, AFailureToReadComesThroughWhereItsSamplesWould) {
  const CountingSplit split;
  Loader loader(split, 2, 10, three_of);
  EXPECT_EQ(loader.next().indices, three_of(2));
  EXPECT_EQ(loader.next().indices, three_of(3));
  test::expect_error([&] { loader.next(); }, {"sample 13 is damaged"});
  EXPECT_EQ(loader.next().indices, three_of(5));
}

TEST(Loader, MayEndBeforeAllWasTaken) {
  const CountingSplit split;
  for (int repetition = 0; repetition < 20; ++repetition) {
    Loader loader(split, 14, 30, three_of);
    if (repetition % 2 == 0) loader.next();
  }
}

}  // namespace
}  // namespace lockstep::data
