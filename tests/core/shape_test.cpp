#include "lockstep/core/shape.h"

#include <gtest/gtest.h>

#include "support/expect.h"

namespace lockstep {
namespace {

TEST(Shape, ComesFromAVectorOrAPicture) {
  EXPECT_EQ(Shape::from_dims({784}), (Shape{784, 1, 1}));
  EXPECT_EQ(Shape::from_dims({3, 20, 24}), (Shape{3, 20, 24}));
  EXPECT_EQ((Shape{3, 20, 24}).size(), 3 * 20 * 24);
}

TEST(Shape, OtherNumbersOfDimensionsAreAnError) {
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{}, {2, 3}, {1, 2, 3, 4}}) {
    test::expect_error([&] { Shape::from_dims(dims); },
                       {std::to_string(dims.size()) + " dimensions", "expected 1 (D) or 3 (C, H, W)"});
  }
}

TEST(Shape, ReadsAsPeopleWriteIt) {
  EXPECT_EQ((Shape{20, 24, 25}).to_string(), "20x24x25");
  EXPECT_EQ((Shape{784, 1, 1}).to_string(), "784");
  EXPECT_EQ((Shape{3, 1, 2}).to_string(), "3x1x2");
  EXPECT_EQ(dims_text({20, 1, 5, 5}), "20x1x5x5");
  EXPECT_EQ(dims_text({}), "1");
}

}  // namespace
}  // namespace lockstep
