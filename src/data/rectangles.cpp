// Rectangles, tall or wide, after H. Larochelle, D. Erhan, A. Courville, J. Bergstra, Y. Bengio (2007), "An
// empirical evaluation of deep architectures on problems with many factors of variation": as outlines, or as
// one piece of a picture on another.
#include <algorithm>
#include <cstdlib>

#include "generators.h"
#include "patches.h"

namespace lockstep::data {
namespace {

constexpr int64_t kClasses = 2;  // 0 tall, 1 wide

struct Rectangle {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  int32_t label() const { return width > height ? 1 : 0; }
};

// What sides are drawn again for.
struct Limits {
  int shortest_side;
  int least_difference;
  int smallest_area;
  int largest_area;
};

constexpr Limits kOutlineLimits = {1, 3, 0, kSide* kSide};
constexpr Limits kImageLimits = {10, 5, kSide* kSide / 4, kSide* kSide * 3 / 4};

// Sides uniform within the limits, then a uniform place.
Rectangle draw_rectangle(RandomStream& random, const Limits& limits) {
  Rectangle r;
  do {
    r.width = between(random, limits.shortest_side, kSide);
    r.height = between(random, limits.shortest_side, kSide);
  } while (std::abs(r.width - r.height) < limits.least_difference ||
           r.width * r.height < limits.smallest_area || r.width * r.height > limits.largest_area);
  r.left = between(random, 0, kSide - r.width);
  r.top = between(random, 0, kSide - r.height);
  return r;
}

int32_t draw_outline(uint64_t seed, uint64_t index, unsigned char* pixels) {
  RandomStream random = sample_stream(seed, index, Artist::kRectangles);
  const Rectangle r = draw_rectangle(random, kOutlineLimits);
  std::fill_n(pixels, kPixels, static_cast<unsigned char>(0));
  for (int y = r.top; y < r.top + r.height; ++y) {
    unsigned char* const row = pixels + y * kSide;
    const bool whole_line = y == r.top || y == r.top + r.height - 1;
    if (whole_line) std::fill_n(row + r.left, r.width, static_cast<unsigned char>(255));
    row[r.left] = row[r.left + r.width - 1] = 255;
  }
  return r.label();
}

int32_t draw_filled(const PatchSource& patches, uint64_t seed, uint64_t index, unsigned char* pixels) {
  RandomStream random = sample_stream(seed, index, Artist::kRectanglesImage);
  const Rectangle r = draw_rectangle(random, kImageLimits);
  const Picture ground = patches.draw(random);
  const Picture filling = patches.draw(random);
  std::copy_n(ground.data(), kPixels, pixels);
  for (int y = r.top; y < r.top + r.height; ++y) {
    const int at = y * kSide + r.left;
    std::copy_n(filling.data() + at, r.width, pixels + at);
  }
  return r.label();
}

SampleMaker open_rectangles(const GeneratorSettings&, const std::string&) {
  return {"rectangles", picture_info(kClasses, "rectangles"), draw_outline};
}

SampleMaker open_rectangles_image(const GeneratorSettings& settings, const std::string& split) {
  const PatchSource patches = open_patches(settings.from, split);
  return {"rectangles-image", picture_info(kClasses, "rectangles-image of " + patches.source),
          [patches](uint64_t seed, uint64_t index, unsigned char* pixels) {
            return draw_filled(patches, seed, index, pixels);
          }};
}

}  // namespace

Generator rectangles_generator() {
  return {"rectangles", "outlines of rectangles, tall (0) or wide (1)", {}, open_rectangles};
}

Generator rectangles_image_generator() {
  return {"rectangles-image",
          "rectangles of one texture on another, tall (0) or wide (1)",
          {"from"},
          open_rectangles_image};
}

}  // namespace lockstep::data
