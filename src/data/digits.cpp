// How a digit is drawn: a glyph (digit_glyphs.h), its points shaken, bent by a smooth random field, put on
// the picture by a random affine map, inked with a soft pen whose width changes over the picture, on a noisy
// ground.
//
// Same bytes everywhere: the geometry is +, -, * and / in double, without functions of libm, and is rounded
// to 1/64 pixel before it meets a pixel; from there on all numbers are whole. A compiler that fuses multiply
// and add moves the geometry by some 1e-15, which crosses a rounding border about once in 1e11 points.
#include "digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "digit_glyphs.h"
#include "lockstep/core/random.h"
#include "stroke_canvas.h"

namespace lockstep::data {
namespace {

struct Vec {
  double x = 0;
  double y = 0;
};

Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y}; }
Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y}; }
Vec operator*(double s, Vec a) { return {s * a.x, s * a.y}; }

// How far a digit may stray from the glyph. Tuned so that a linear classifier does badly (shifts and slants
// are not linear) and a small convolutional network does well.
constexpr double kShake = 4;        // of a glyph's points, in its units (a digit is 100 high)
constexpr double kBend = 11;        // of the elastic field, in the same units
constexpr double kTurn = 0.14;      // tangent of half the largest angle: 16 degrees
constexpr double kSlant = 0.28;     // x per y
constexpr double kShift = 3;        // in pixels
constexpr double kSmallest = 0.15;  // pixels per glyph unit
constexpr double kLargest = 0.215;
constexpr double kThinnest = 0.55;  // half a stroke's width, in pixels
constexpr double kThickest = 1.5;
constexpr double kPressure = 0.25;   // how much the width changes from the middle to a border
constexpr uint32_t kFaintest = 140;  // ink
constexpr uint32_t kGround = 40;     // the ground's largest level
constexpr uint32_t kNoise = 70;      // and noise

double between(RandomStream& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.uniform());
}

// In -1..1, the middle more often.
double bell(RandomStream& random) {
  const double first = between(random, -0.5, 0.5);
  const double second = between(random, -0.5, 0.5);
  return first + second;
}

// A smooth displacement of the unit square, given by random vectors on a grid of 4 x 4 points.
class ElasticField {
 public:
  ElasticField(RandomStream& random, double strength) {
    for (Vec& v : knots_) v = {strength * bell(random), strength * bell(random)};
  }

  Vec at(Vec p) const {  // p in glyph units
    const Weight x(p.x);
    const Weight y(p.y);
    const auto row = [&](size_t r) {
      const Vec left = knots_[r * kKnots + x.cell];
      return left + x.share * (knots_[r * kKnots + x.cell + 1] - left);
    };
    const Vec upper = row(y.cell);
    return upper + y.share * (row(y.cell + 1) - upper);
  }

 private:
  static constexpr size_t kKnots = 4;

  struct Weight {
    explicit Weight(double position) {
      const double scaled = std::fmin(std::fmax(position / 100, 0), 0.999) * (kKnots - 1);
      cell = static_cast<size_t>(scaled);
      const double t = scaled - static_cast<double>(cell);
      share = t * t * (3 - 2 * t);  // no kinks where cells meet
    }
    size_t cell;
    double share;
  };

  std::array<Vec, kKnots * kKnots> knots_;
};

// One sample's handwriting: what turns a glyph's points into lines on the canvas.
class Hand {
 public:
  explicit Hand(RandomStream& random) : field_(random, kBend) {
    const double half = kTurn * bell(random);  // t = tan(angle / 2) gives sine and cosine without libm
    const double cosine = (1 - half * half) / (1 + half * half);
    const double sine = 2 * half / (1 + half * half);
    const double slant = kSlant * bell(random);
    const double height = between(random, kSmallest, kLargest);
    const double width = height * between(random, 0.8, 1.15);
    across_ = {width * cosine, width * sine};
    down_ = {-height * (sine + slant * cosine), height * (cosine - slant * sine)};
    middle_ = {StrokeCanvas::kSize / 2 + kShift * bell(random),
               StrokeCanvas::kSize / 2 + kShift * bell(random)};
    radius_ = between(random, kThinnest, kThickest);
    softness_ = between(random, 0.4, 0.8);
    pressure_ = {kPressure * bell(random), kPressure * bell(random)};
  }

  // From glyph units to the canvas.
  CanvasPoint place(Vec p) const {
    const Vec bent = p + field_.at(p) - Vec{50, 50};
    const Vec pixels = middle_ + bent.x * across_ + bent.y * down_;
    return {to_canvas(pixels.x), to_canvas(pixels.y)};
  }

  Pen pen_at(Vec p) const {
    const double radius = radius_ * (1 + pressure_.x * (p.x / 50 - 1) + pressure_.y * (p.y / 50 - 1));
    return {to_canvas(std::fmax(radius - softness_, 0)), to_canvas(radius + softness_)};
  }

 private:
  static int32_t to_canvas(double pixels) {
    return static_cast<int32_t>(std::floor(pixels * kSubpixels + 0.5));
  }

  ElasticField field_;
  Vec across_;
  Vec down_;
  Vec middle_;
  double radius_;
  double softness_;
  Vec pressure_;
};

std::vector<Vec> shaken(const GlyphStroke& stroke, RandomStream& random) {
  std::vector<Vec> points;
  points.reserve(stroke.size());
  for (size_t i = 0; i < stroke.size(); ++i) {
    if (i > 0 && stroke[i] == stroke[i - 1]) {
      points.push_back(points.back());  // a corner stays one
    } else {
      const Vec shake = {kShake * bell(random), kShake * bell(random)};
      points.push_back(Vec{static_cast<double>(stroke[i].x), static_cast<double>(stroke[i].y)} + shake);
    }
  }
  return points;
}

// The Catmull-Rom curve through the points, as short lines.
void draw_stroke(const std::vector<Vec>& points, const Hand& hand, StrokeCanvas& canvas) {
  constexpr int kLines = 5;  // between two points
  CanvasPoint from = hand.place(points.front());
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const Vec p1 = points[i];
    const Vec p2 = points[i + 1];
    if (p1.x == p2.x && p1.y == p2.y) continue;
    const Vec slope1 = 0.5 * (p2 - points[i == 0 ? 0 : i - 1]);
    const Vec slope2 = 0.5 * (points[i + 2 < points.size() ? i + 2 : i + 1] - p1);
    for (int line = 1; line <= kLines; ++line) {
      const double t = static_cast<double>(line) / kLines;
      const double h = t * t * (3 - 2 * t);
      const Vec p = p1 + h * (p2 - p1) + (t * (1 - t) * (1 - t)) * slope1 - (t * t * (1 - t)) * slope2;
      const CanvasPoint to = hand.place(p);
      canvas.line(from, to, hand.pen_at(p));
      from = to;
    }
  }
}

// Ink on a noisy ground.
void develop(const StrokeCanvas& canvas, RandomStream& random, unsigned char* pixels) {
  const uint32_t full = kFaintest + random.below(256 - kFaintest);
  const uint32_t ground = random.below(kGround + 1);
  const uint32_t noise = random.below(kNoise + 1);
  uint32_t bytes = 0;  // one word of the stream serves four pixels
  for (int i = 0; i < StrokeCanvas::kSize * StrokeCanvas::kSize; ++i) {
    bytes = i % 4 == 0 ? random.word() : bytes >> 8;
    const uint32_t ink = canvas.ink(i / StrokeCanvas::kSize, i % StrokeCanvas::kSize);
    const uint32_t clean = (ground * (255 - ink) + full * ink) / 255;
    const uint32_t noisy = clean + (((bytes & 255) * noise) >> 8);
    pixels[i] =
        static_cast<unsigned char>(noisy < noise / 2 ? 0 : std::min<uint32_t>(noisy - noise / 2, 255));
  }
}

// The digit alone; `random` goes on to serve what becomes of it.
int32_t draw_on(StrokeCanvas& canvas, RandomStream& random) {
  const uint32_t label = random.below(kDigitClasses);
  const std::vector<Glyph>& variants = glyphs_of_digit(static_cast<int>(label));
  const Glyph& glyph = variants[random.below(static_cast<uint32_t>(variants.size()))];
  const Hand hand(random);
  for (const GlyphStroke& stroke : glyph) draw_stroke(shaken(stroke, random), hand, canvas);
  return static_cast<int32_t>(label);
}

RandomStream stream_of(uint64_t seed, uint64_t index) {
  return {seed, Purpose::kDigits, static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)};
}

}  // namespace

int32_t draw_digit(uint64_t seed, uint64_t index, unsigned char* pixels) {
  RandomStream random = stream_of(seed, index);
  StrokeCanvas canvas;
  const int32_t label = draw_on(canvas, random);
  develop(canvas, random, pixels);
  return label;
}

int32_t draw_ink(uint64_t seed, uint64_t index, unsigned char* pixels) {
  RandomStream random = stream_of(seed, index);
  StrokeCanvas canvas;
  const int32_t label = draw_on(canvas, random);
  for (int i = 0; i < StrokeCanvas::kSize * StrokeCanvas::kSize; ++i) {
    pixels[i] = canvas.ink(i / StrokeCanvas::kSize, i % StrokeCanvas::kSize);
  }
  return label;
}

}  // namespace lockstep::data
