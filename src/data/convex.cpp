// Convex sets of pixels against unions of some, after H. Larochelle, D. Erhan, A. Courville, J. Bergstra, Y.
// Bengio (2007), "An empirical evaluation of deep architectures on problems with many factors of variation".
//
// The paper gives the two geometric distributions, the least numbers of pixels and the test, and says that
// its parameters were chosen to give both classes the same mean number of white pixels. It does not say
// whether there may be no half-plane at all. Counted from 0 both classes have some 450 of the 784 pixels
// here; counted from 1, 275 and 474. So kMinHalfplanes is 0, at the price of pictures that are all white.
#include "convex.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "direction.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

constexpr double kStopConvex = 0.195;
constexpr int64_t kFewestPixelsConvex = 19;
constexpr double kStopPiece = 0.07;
constexpr int64_t kFewestPixelsPiece = 10;
constexpr int kFewestPieces = 2;
constexpr int kMostPieces = 4;

constexpr int64_t kSubpixels = 256;

constexpr unsigned char kWhite = 255;

struct Halfplane {
  Direction normal;
  int64_t x;  // a point of the border, in 1/256 pixel from the picture's corner
  int64_t y;

  explicit Halfplane(RandomStream& random)
      : normal(random_direction(random)),
        x(between(random, 0, kSide * kSubpixels - 1)),
        y(between(random, 0, kSide * kSubpixels - 1)) {}

  bool contains(int64_t row, int64_t column) const {
    const int64_t across = column * kSubpixels + kSubpixels / 2 - x;
    const int64_t down = row * kSubpixels + kSubpixels / 2 - y;
    return normal.cosine * across + normal.sine * down > 0;
  }
};

int64_t draw_count(const ConvexRecipe& recipe, RandomStream& random) {
  const uint32_t stop = static_cast<uint32_t>(recipe.stop * 0x1p32);
  int64_t count = recipe.fewest_halfplanes;
  while (random.word() >= stop) ++count;
  return count;
}

int64_t white_pixels(const Picture& picture) { return std::count(picture.begin(), picture.end(), kWhite); }

void intersect(const Halfplane& halfplane, Picture& picture) {
  for (size_t i = 0; i < kPixels; ++i) {
    const int64_t pixel = static_cast<int64_t>(i);
    if (!halfplane.contains(pixel / kSide, pixel % kSide)) picture[i] = 0;
  }
}

// 2 to 4 convex sets together that are not convex.
Picture draw_union(const ConvexRecipe& piece, RandomStream& random) {
  while (true) {
    Picture all{};
    const int pieces = between(random, kFewestPieces, kMostPieces);
    for (int i = 0; i < pieces; ++i) {
      const Picture one = draw_convex(piece, random);
      std::transform(all.begin(), all.end(), one.begin(), all.begin(),
                     [](unsigned char a, unsigned char b) { return std::max(a, b); });
    }
    if (!passes_convexity_test(all)) return all;
  }
}

int32_t draw(int64_t min_halfplanes, uint64_t seed, uint64_t index, unsigned char* pixels) {
  RandomStream random = sample_stream(seed, index, Artist::kConvex);
  const bool convex = random.below(2) == 1;
  const Picture picture = convex ? draw_convex({min_halfplanes, kStopConvex, kFewestPixelsConvex}, random)
                                 : draw_union({min_halfplanes, kStopPiece, kFewestPixelsPiece}, random);
  std::copy(picture.begin(), picture.end(), pixels);
  return convex ? 1 : 0;
}

SampleMaker open(const GeneratorSettings& settings, const std::string&) {
  const int64_t fewest = settings.min_halfplanes.value_or(kMinHalfplanes);
  if (fewest < 0 || fewest > kMostMinHalfplanes) {
    fail_usage("convex: min-halfplanes = ", fewest, " cannot be used; expected a whole number from 0 to ",
               kMostMinHalfplanes);
  }
  return {"convex", picture_info(2, text("convex, min-halfplanes ", fewest)),
          [fewest](uint64_t seed, uint64_t index, unsigned char* pixels) {
            return draw(fewest, seed, index, pixels);
          }};
}

}  // namespace

Picture draw_convex(const ConvexRecipe& recipe, RandomStream& random) {
  while (true) {
    Picture picture;
    picture.fill(kWhite);
    int64_t white = kPixels;
    const int64_t count = draw_count(recipe, random);
    for (int64_t i = 0; i < count && white >= recipe.fewest_pixels; ++i) {
      intersect(Halfplane(random), picture);
      white = white_pixels(picture);
    }
    if (white >= recipe.fewest_pixels) return picture;
  }
}

bool passes_convexity_test(const Picture& picture) {
  std::vector<int> white;
  for (int i = 0; i < static_cast<int>(kPixels); ++i) {
    if (picture[static_cast<size_t>(i)] == kWhite) white.push_back(i);
  }
  for (const int from : white) {
    for (const int to : white) {
      const int steps = std::gcd(to / kSide - from / kSide, to % kSide - from % kSide);
      if (steps < 2 || to < from) continue;
      const int step = (to - from) / steps;  // a whole number of rows and columns
      for (int pixel = from + step; pixel < to; pixel += step) {
        if (picture[static_cast<size_t>(pixel)] != kWhite) return false;
      }
    }
  }
  return true;
}

Generator convex_generator() {
  return {"convex", "white sets of pixels, convex (1) or not (0)", {"min-halfplanes"}, open};
}

}  // namespace lockstep::data
