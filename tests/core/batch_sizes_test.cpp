#include "lockstep/core/batch_sizes.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(BatchSizes, OfOneNumberAreTheSameInAllEpochs) {
  const auto sizes = BatchSizes::parse("64");
  ASSERT_TRUE(sizes);
  EXPECT_EQ(*sizes, BatchSizes(64));
  EXPECT_EQ(sizes->of_epoch(0), 64);
  EXPECT_EQ(sizes->of_epoch(1000), 64);
  EXPECT_EQ(sizes->text(), "64");
}

TEST(BatchSizes, ChangeAfterSoManyEpochs) {
  const auto sizes = BatchSizes::parse("64,256  after 10 , 32 after 11");
  ASSERT_TRUE(sizes);
  EXPECT_EQ(sizes->phases(), (std::vector<BatchSizes::Phase>{{0, 64}, {10, 256}, {11, 32}}));
  EXPECT_EQ(sizes->of_epoch(9), 64);
  EXPECT_EQ(sizes->of_epoch(10), 256);
  EXPECT_EQ(sizes->of_epoch(11), 32);
  EXPECT_EQ(sizes->of_epoch(12), 32);
  EXPECT_EQ(sizes->text(), "64, 256 after 10, 32 after 11");
  EXPECT_EQ(BatchSizes::parse(sizes->text()), sizes);
}

TEST(BatchSizes, AreNothingElse) {
  for (const char* value : {"",
                            ",",
                            "0",
                            "-1",
                            "64 after 0",
                            "64 after 3",
                            "64, 256",
                            "64, after 3",
                            "64, 256 after",
                            "64, 256 after 0",
                            "64, 256 after x",
                            "64, 256 from 3",
                            "64, 256 after 3 epochs",
                            "64, 0 after 3",
                            "64, 256 after 3,",
                            "64, 256 after 3, 512 after 3",
                            "64, 256 after 3, 512 after 2",
                            "64 256",
                            "6.4",
                            "64, 256 after 1.5"}) {
    EXPECT_FALSE(BatchSizes::parse(value)) << value;
  }
}

}  // namespace
}  // namespace lockstep
