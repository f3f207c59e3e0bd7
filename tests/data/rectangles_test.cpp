#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "generated.h"
#include "support/folder.h"

namespace lockstep::data {
namespace {

struct Box {
  int left = kSide;
  int top = kSide;
  int right = -1;
  int bottom = -1;
  int width() const { return right - left + 1; }
  int height() const { return bottom - top + 1; }
  int area() const { return width() * height(); }
  bool on_border(int row, int column) const {
    const bool inside = row >= top && row <= bottom && column >= left && column <= right;
    return inside && (row == top || row == bottom || column == left || column == right);
  }
};

unsigned char at(const Picture& picture, int row, int column) {
  return picture[static_cast<size_t>(row * kSide + column)];
}

// Around all pixels of a level.
Box box_of(const Picture& picture, unsigned char level) {
  Box box;
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      if (at(picture, row, column) != level) continue;
      box.left = std::min(box.left, column);
      box.right = std::max(box.right, column);
      box.top = std::min(box.top, row);
      box.bottom = std::max(box.bottom, row);
    }
  }
  return box;
}

TEST(Rectangles, AreOutlinesOfOnePixelWhoseSidesDifferByThreeOrMore) {
  const SampleMaker maker = open_generator("rectangles");
  for (const test::Sample& sample : test::draw_many(maker, 1, 3000)) {
    const Box box = box_of(sample.picture, 255);
    ASSERT_GE(box.right, 0) << "nothing is drawn";
    for (int row = 0; row < kSide; ++row) {
      for (int column = 0; column < kSide; ++column) {
        ASSERT_EQ(at(sample.picture, row, column), box.on_border(row, column) ? 255 : 0);
      }
    }
    EXPECT_GE(std::abs(box.width() - box.height()), 3);
    EXPECT_EQ(sample.label, box.width() > box.height() ? 1 : 0);
  }
}

TEST(Rectangles, HaveUniformSidesAndPlaces) {
  const SampleMaker maker = open_generator("rectangles");
  std::array<int, kSide + 1> widths{};
  std::array<int, 4> quarters{};
  int places = 0;
  constexpr int kSamples = 12000;
  for (const test::Sample& sample : test::draw_many(maker, 2, kSamples)) {
    const Box box = box_of(sample.picture, 255);
    ++widths[static_cast<size_t>(box.width())];
    const int room = kSide - box.height() + 1;
    if (room % 4 != 0) continue;
    ++quarters[static_cast<size_t>(box.top * 4 / room)];
    ++places;
  }
  // Of 28 x 28 pairs of sides, 650 differ by 3 or more: 23 of those with a width from 3 to 26, 24 of those
  // with 2 or 27, 25 of those with 1 or 28.
  for (int width = 1; width <= kSide; ++width) {
    const int partners = 23 + std::max({0, 3 - width, width - 26});
    const double expected = kSamples * partners / 650.0;
    EXPECT_NEAR(widths[static_cast<size_t>(width)], expected, 5 * std::sqrt(expected)) << width;
  }
  for (const int count : quarters) EXPECT_NEAR(count, places / 4.0, 5 * std::sqrt(places / 4.0));
}

class RectanglesImage : public test::FolderTest {
 protected:
  // Pictures of two levels, so that the rectangle can be told from what lies around it.
  std::string two_levels() const {
    const std::vector<std::vector<unsigned char>> both = {test::flat(50), test::flat(200)};
    return test::write_pictures(path("levels.h5"), {1, kSide, kSide}, 0, {{"train", both}, {"test", both}});
  }
};

// The box of a level if its pixels fill it. Where a rectangle spans the picture, both levels do.
std::optional<Box> filled_box(const Picture& picture, unsigned char level) {
  const Box box = box_of(picture, level);
  const auto pixels = std::count(picture.begin(), picture.end(), level);
  if (box.right < 0 || box.area() != pixels || pixels == static_cast<int64_t>(kPixels)) return std::nullopt;
  return box;
}

bool within_limits(const std::optional<Box>& box, int32_t label) {
  return box && std::min(box->width(), box->height()) >= 10 && std::abs(box->width() - box->height()) >= 5 &&
         4 * box->area() >= static_cast<int>(kPixels) && 4 * box->area() <= 3 * static_cast<int>(kPixels) &&
         label == (box->width() > box->height() ? 1 : 0);
}

TEST_F(RectanglesImage, HaveLongSidesThatDifferAndAQuarterToThreeQuartersOfTheArea) {
  const SampleMaker maker = open_generator("rectangles-image", {two_levels(), "", std::nullopt});
  int visible = 0;
  int bright = 0;
  for (const test::Sample& sample : test::draw_many(maker, 1, 3000)) {
    const Box all = box_of(sample.picture, sample.picture[0]);
    if (all.area() == std::count(sample.picture.begin(), sample.picture.end(), sample.picture[0]) &&
        all.area() == static_cast<int>(kPixels))
      continue;  // the same picture on itself
    ++visible;
    const bool dark_fits = within_limits(filled_box(sample.picture, 50), sample.label);
    const bool bright_fits = within_limits(filled_box(sample.picture, 200), sample.label);
    ASSERT_TRUE(dark_fits || bright_fits);
    bright += bright_fits ? 1 : 0;
  }
  EXPECT_NEAR(visible, 1500, 5 * 28);
  EXPECT_GT(bright, visible / 3) << "either picture is the rectangle as often";
  EXPECT_LT(bright, visible * 2 / 3);
}

TEST_F(RectanglesImage, ShowOnePatchWithinAnother) {
  const SampleMaker maker = open_generator("rectangles-image");
  // The textures leave no rectangle to see for certain, but its border shows as the sharpest line on average.
  double inside = 0;
  double across = 0;
  int64_t inner_pairs = 0;
  int64_t border_pairs = 0;
  const SampleMaker levels = open_generator("rectangles-image", {two_levels(), "", std::nullopt});
  for (uint64_t i = 0; i < 300; ++i) {
    const Picture where = test::draw(levels, 4, i).picture;  // the same rectangle: it is drawn first
    const Picture picture = test::draw(maker, 4, i).picture;
    for (int row = 0; row < kSide; ++row) {
      for (int column = 1; column < kSide; ++column) {
        const int step = std::abs(at(picture, row, column) - at(picture, row, column - 1));
        const bool border = at(where, row, column) != at(where, row, column - 1);
        (border ? across : inside) += step;
        ++(border ? border_pairs : inner_pairs);
      }
    }
  }
  ASSERT_GT(border_pairs, 1000);
  EXPECT_GT(across / static_cast<double>(border_pairs), 3 * inside / static_cast<double>(inner_pairs));
}

}  // namespace
}  // namespace lockstep::data
