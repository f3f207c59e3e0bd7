#include "lockstep/analysis/subject.h"

#include <gtest/gtest.h>

#include "lockstep/analysis/report.h"
#include "support/expect.h"
#include "team_of_threads.h"

namespace lockstep::analysis {
namespace {

std::vector<float> tile(const std::vector<float>& values, const Shape& shape) {
  std::vector<float> tiles = {-1};  // what is there stays
  append_tile(values, shape, tiles);
  EXPECT_EQ(tiles[0], -1);
  return {tiles.begin() + 1, tiles.end()};
}

TEST(DrawableShape, OneChannelOrThreeAreAsTheyAre) {
  for (const int64_t channels : {1, 3}) {
    const Shape shape{channels, 2, 2};
    EXPECT_EQ(drawable_shape(shape), shape);
    const auto values = test::random_values(shape.size(), 1);
    EXPECT_EQ(tile(values, shape), values);
  }
}

TEST(DrawableShape, OthersLieSideBySide) {
  EXPECT_EQ(drawable_shape({2, 2, 3}), (Shape{1, 2, 6}));
  EXPECT_EQ(tile({1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60}, {2, 2, 3}),
            (std::vector<float>{1, 2, 3, 10, 20, 30, 4, 5, 6, 40, 50, 60}));
}

TEST(Grouped, ByThreeDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(123456789), "123,456,789");
  EXPECT_EQ(grouped(-100), "-100");
  EXPECT_EQ(grouped(-1234), "-1,234");
}

// The samples of any indices are those that a run of them gives.
TEST(InputsOf, IndicesInAnyOrder) {
  const TeamOfThreads team(2);
  const int64_t width = 5;
  const ValueSplit<float> split(test::random_values(700 * width, 3), width);
  io::DatasetInfo info;
  info.sample_dims = {width};
  info.type = io::Type::kFloat32;
  const data::Unpacker unpacker(Options{}, info);
  const Rows all = inputs_of(team.team, split, unpacker, width, 0, 700);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < 500; ++i) indices.push_back((i * 333) % 700);
  const Rows some = inputs_of(team.team, split, unpacker, width, indices);
  ASSERT_EQ(some.count, 500);
  for (int64_t i = 0; i < 500; ++i) {
    EXPECT_TRUE(test::same_bits(some.row(i), all.row(indices[static_cast<size_t>(i)])));
  }
}

}  // namespace
}  // namespace lockstep::analysis
