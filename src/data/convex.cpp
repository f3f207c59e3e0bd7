// Convex sets of pixels against unions of some, after H. Larochelle, D. Erhan, A. Courville, J. Bergstra, Y.
// Bengio (2007), "An empirical evaluation of deep architectures on problems with many factors of variation".
//
// The paper gives the two geometric distributions, the least numbers of pixels and the test, and says that
// its parameters were chosen to give both classes the same mean number of white pixels. It does not say
// whether there may be no half-plane at all. Counted from 0 both classes have some 450 of the 784 pixels
// here; counted from 1, 275 and 474. So kMinHalfplanes is 0, at the price of pictures that are all white.
#include "convex.h"

#include <algorithm>
#include <array>
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

// A row of a convex set is a run of pixels, which a half-plane shortens from one end.
class ConvexSet {
 public:
  ConvexSet() { rows_.fill({0, kSide}); }

  void intersect(const Halfplane& halfplane) {
    for (int64_t row = 0; row < kSide; ++row) {
      Run& run = rows_[static_cast<size_t>(row)];
      while (run.first < run.end && !halfplane.contains(row, run.first)) ++run.first;
      while (run.first < run.end && !halfplane.contains(row, run.end - 1)) --run.end;
    }
  }

  int64_t pixels() const {
    return std::accumulate(rows_.begin(), rows_.end(), int64_t{0},
                           [](int64_t sum, const Run& run) { return sum + run.end - run.first; });
  }

  Picture picture() const {
    Picture picture{};
    for (size_t row = 0; row < rows_.size(); ++row) {
      const auto start = picture.begin() + static_cast<int64_t>(row) * kSide;
      std::fill(start + rows_[row].first, start + rows_[row].end, kWhite);
    }
    return picture;
  }

 private:
  struct Run {
    int64_t first;
    int64_t end;
  };
  std::array<Run, kSide> rows_;
};

struct Step {
  int rows;
  int columns;
};

// Those from a pixel to the next whose middle lies on the same line, one of each two opposite ones. Longer
// ones leave the picture on one side.
const std::vector<Step>& directions() {
  static const std::vector<Step> kAll = [] {
    std::vector<Step> all;
    for (int rows = 0; rows < kSide / 2; ++rows) {
      for (int columns = 1 - kSide / 2; columns < kSide / 2; ++columns) {
        if (std::gcd(rows, columns) == 1 && (rows > 0 || columns > 0)) all.push_back({rows, columns});
      }
    }
    return all;
  }();
  return kAll;
}

bool meets_white(const Picture& picture, int row, int column, Step step) {
  const auto inside = [](int place) { return place >= 0 && place < kSide; };
  while (inside(row += step.rows) && inside(column += step.columns)) {
    if (picture[static_cast<size_t>(row * kSide + column)] == kWhite) return true;
  }
  return false;
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
    ConvexSet set;
    const int64_t count = draw_count(recipe, random);
    for (int64_t i = 0; i < count && set.pixels() >= recipe.fewest_pixels; ++i)
      set.intersect(Halfplane(random));
    if (set.pixels() >= recipe.fewest_pixels) return set.picture();
  }
}

bool passes_convexity_test(const Picture& picture) {
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      if (picture[static_cast<size_t>(row * kSide + column)] == kWhite) continue;
      for (const Step step : directions()) {
        if (meets_white(picture, row, column, step) &&
            meets_white(picture, row, column, {-step.rows, -step.columns}))
          return false;
      }
    }
  }
  return true;
}

Generator convex_generator() {
  return {"convex", "white sets of pixels, convex (1) or not (0)", {"min-halfplanes"}, open};
}

}  // namespace lockstep::data
