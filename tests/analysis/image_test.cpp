#include "lockstep/analysis/image.h"

#include <gtest/gtest.h>
#include <png.h>

#include <cmath>

#include "support/expect.h"
#include "support/values.h"

namespace lockstep::analysis {
namespace {

// What libpng's own reader finds in a file.
std::vector<uint8_t> decoded(const std::string& file, int64_t channels, int64_t& width, int64_t& height) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, file.data(), file.size()), 0) << image.message;
  EXPECT_EQ((image.format & PNG_FORMAT_FLAG_COLOR) != 0, channels == 3);
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
  width = image.width;
  height = image.height;
  return pixels;
}

TEST(Image, PngHoldsThePixels) {
  for (const int64_t channels : {1, 3}) {
    for (const auto& [w, h] : {std::pair{1, 1}, std::pair{7, 3}, std::pair{300, 2}, std::pair{33, 200}}) {
      Image image(w, h, channels);
      RandomStream random(1, Purpose::kTest, 1);
      for (int64_t y = 0; y < h; ++y) {
        for (int64_t x = 0; x < w; ++x) {
          for (int64_t c = 0; c < channels; ++c) image.at(x, y, c) = static_cast<uint8_t>(random.below(256));
        }
      }
      int64_t width = 0;
      int64_t height = 0;
      EXPECT_EQ(decoded(image.png(), channels, width, height), image.bytes());
      EXPECT_EQ(width, w);
      EXPECT_EQ(height, h);
      EXPECT_EQ(image.png(), image.png());
    }
  }
}

// Nothing that another run would write otherwise.
TEST(Image, PngHasNoChunkButTheNecessary) {
  const std::string file = Image(5, 5, 3, 9).png();
  std::vector<std::string> chunks;
  for (size_t at = 8; at + 8 <= file.size();) {
    uint32_t length = 0;
    for (size_t k = 0; k < 4; ++k) length = length << 8 | static_cast<uint8_t>(file[at + k]);
    chunks.push_back(file.substr(at + 4, 4));
    at += 12 + length;
  }
  EXPECT_EQ(chunks, (std::vector<std::string>{"IHDR", "IDAT", "IEND"}));
}

TEST(Image, Base64AsInTheStandard) {  // RFC 4648, section 10
  for (const auto& [bytes, digits] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(bytes), digits);
  }
  EXPECT_EQ(base64("\xff\xfe"), "//4=");
  EXPECT_EQ(base64(std::string("\xfb\xef\xbe\x00", 4)), "++++AA==");
  EXPECT_EQ(data_uri(Image(1, 1, 1)).rfind("data:image/png;base64,iVBORw0KGgo", 0), 0u);
}

TEST(Image, RefusesWhatCannotBeDrawn) {
  test::expect_error([] { Image(0, 3, 1); }, {"0x3 pixels"});
  test::expect_error([] { Image(3, 3, 2); }, {"1 channel", "3", "not 2"});
  const std::vector<float> few(3);
  test::expect_error([&] { draw_tiles(few, {.shape = {1, 2, 2}}); }, {"1x2x2", "3 numbers"});
  test::expect_error([&] { draw_tiles(few, {.shape = {}}); }, {"no tile"});
}

TEST(Tiles, LieRowByRowWithMargins) {
  // Five tiles of 2x3 in rows of three.
  std::vector<float> values;
  for (int tile = 0; tile < 5; ++tile) {
    for (int pixel = 0; pixel < 6; ++pixel) values.push_back(static_cast<float>(10 * tile + pixel) / 255);
  }
  const Image image =
      draw_tiles(values, {.shape = {1, 2, 3}, .columns = 3, .margin = 2, .zoom = 2, .ground = 77});
  ASSERT_EQ(image.width(), 2 + 3 * (6 + 2));
  ASSERT_EQ(image.height(), 2 + 2 * (4 + 2));
  for (int64_t y = 0; y < image.height(); ++y) {
    for (int64_t x = 0; x < image.width(); ++x) {
      const int64_t column = (x - 2) / 8;
      const int64_t row = (y - 2) / 6;
      const int64_t inside_x = x < 2 ? 9 : (x - 2) % 8;
      const int64_t inside_y = y < 2 ? 9 : (y - 2) % 6;
      const int64_t tile = 3 * row + column;
      const bool ground = inside_x >= 6 || inside_y >= 4 || tile >= 5;
      const int64_t expected = ground ? 77 : 10 * tile + inside_y / 2 * 3 + inside_x / 2;
      EXPECT_EQ(image.at(x, y, 0), expected) << x << ", " << y;
    }
  }
}

TEST(Tiles, RowsThatBelongTogetherAreSetApart) {
  const std::vector<float> values(5, 1);
  const Image image =
      draw_tiles(values, {.shape = {1, 1, 1}, .columns = 1, .margin = 1, .together = 2, .ground = 0});
  std::vector<int64_t> rows;
  for (int64_t y = 0; y < image.height(); ++y) {
    if (image.at(1, y, 0) == 255) rows.push_back(y);
  }
  EXPECT_EQ(rows, (std::vector<int64_t>{1, 3, 8, 10, 15}));
  EXPECT_EQ(image.height(), 17);
}

TEST(Tiles, AreAboutAsManyAcrossAsDown) {
  const std::vector<float> values(12);
  const Image image = draw_tiles(values, {.shape = {1, 1, 1}, .margin = 0});
  EXPECT_EQ(image.width(), 4);
  EXPECT_EQ(image.height(), 3);
}

TEST(Tiles, HaveTheirOwnRangeAboutZero) {
  const std::vector<float> values = {-2, 0, 1, 2, 0.25, -0.5, 0, 0, 0, 0, 0, 0};
  const Image image =
      draw_tiles(values, {.shape = {1, 1, 4}, .columns = 1, .margin = 0, .range = std::nullopt});
  EXPECT_EQ(image.bytes(), (std::vector<uint8_t>{0, 128, 191, 255, 191, 0, 128, 128, 128, 128, 128, 128}));
}

TEST(Tiles, OfOneRangeAreCutOffThere) {
  const std::vector<float> values = {-1, 0, 0.5f, 2, NAN, INFINITY};
  const Image image = draw_tiles(values, {.shape = {1, 1, 6}, .margin = 0});
  EXPECT_EQ(image.bytes(), (std::vector<uint8_t>{0, 0, 128, 255, 0, 255}));
  const Image other = draw_tiles(values, {.shape = {1, 1, 6}, .margin = 0, .range = Range{-1, 2}});
  EXPECT_EQ(other.bytes(), (std::vector<uint8_t>{0, 85, 128, 255, 0, 255}));
}

// Natural order is channel by channel, a picture's is pixel by pixel.
TEST(Tiles, OfThreeChannelsAreInColour) {
  const std::vector<float> values = {1, 0, 0, 1, 0.2f, 0};
  const Image image = draw_tiles(values, {.shape = {3, 1, 2}, .margin = 0});
  EXPECT_EQ(image.bytes(), (std::vector<uint8_t>{255, 0, 51, 0, 255, 0}));
}

TEST(Tiles, ZoomBringsTheLongerSideNear) {
  EXPECT_EQ(zoom_for({1, 28, 28}), 2);
  EXPECT_EQ(zoom_for({1, 5, 5}), 11);
  EXPECT_EQ(zoom_for({3, 200, 10}), 1);
}

}  // namespace
}  // namespace lockstep::analysis
