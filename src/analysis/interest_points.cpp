#include "lockstep/analysis/interest_points.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

#include "scale_space.h"

namespace lockstep::analysis {

namespace {

constexpr double kMostCurvatureRatio = 10;
constexpr int kMostMoves = 5;
// Of the threshold: what a difference has to have at a whole place for its fit to be looked at.
constexpr float kWorthFitting = 0.5f;

// A place of the scale space.
struct Place {
  int scale;
  int64_t y;
  int64_t x;
  auto operator<=>(const Place&) const = default;
};

bool inside(const ScaleSpace& space, const Place& p) {
  return p.scale >= 1 && p.scale + 1 < space.scales() && p.y >= 1 && p.y + 1 < space.height() && p.x >= 1 &&
         p.x + 1 < space.width();
}

// Above all of its 26 neighbours, or below them.
bool is_extremum(const ScaleSpace& space, const Place& p) {
  const float value = space.at(p.scale, p.y, p.x);
  for (int s = p.scale - 1; s <= p.scale + 1; ++s) {
    for (int64_t y = p.y - 1; y <= p.y + 1; ++y) {
      for (int64_t x = p.x - 1; x <= p.x + 1; ++x) {
        if (s == p.scale && y == p.y && x == p.x) continue;
        const float neighbour = space.at(s, y, x);
        if (value > 0 ? neighbour >= value : neighbour <= value) return false;
      }
    }
  }
  return true;
}

// The quadratic through a place's neighbours, in (x, y, scale).
struct Quadratic {
  double value;
  std::array<double, 3> gradient;
  std::array<std::array<double, 3>, 3> hessian;
};

Quadratic quadratic_at(const ScaleSpace& space, const Place& p) {
  const auto d = [&](int x, int y, int s) {
    return static_cast<double>(space.at(p.scale + s, p.y + y, p.x + x));
  };
  const double value = d(0, 0, 0);
  const double xy = (d(1, 1, 0) - d(1, -1, 0) - d(-1, 1, 0) + d(-1, -1, 0)) / 4;
  const double xs = (d(1, 0, 1) - d(1, 0, -1) - d(-1, 0, 1) + d(-1, 0, -1)) / 4;
  const double ys = (d(0, 1, 1) - d(0, 1, -1) - d(0, -1, 1) + d(0, -1, -1)) / 4;
  const double xx = d(1, 0, 0) + d(-1, 0, 0) - 2 * value;
  const double yy = d(0, 1, 0) + d(0, -1, 0) - 2 * value;
  const double ss = d(0, 0, 1) + d(0, 0, -1) - 2 * value;
  return {value,
          {(d(1, 0, 0) - d(-1, 0, 0)) / 2, (d(0, 1, 0) - d(0, -1, 0)) / 2, (d(0, 0, 1) - d(0, 0, -1)) / 2},
          {{{xx, xy, xs}, {xy, yy, ys}, {xs, ys, ss}}}};
}

double determinant(const std::array<std::array<double, 3>, 3>& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
         m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

// Where the quadratic has its extremum, relative to the place: -H^-1 g, by Cramer's rule.
std::optional<std::array<double, 3>> extremum_of(const Quadratic& q) {
  const double whole = determinant(q.hessian);
  if (whole == 0) return std::nullopt;
  std::array<double, 3> result{};
  for (size_t i = 0; i < 3; ++i) {
    auto replaced = q.hessian;
    for (size_t row = 0; row < 3; ++row) replaced[row][i] = -q.gradient[row];
    result[i] = determinant(replaced) / whole;
  }
  return result;
}

// Across an edge a difference curves much more than along it.
bool on_edge(const Quadratic& q) {
  const double trace = q.hessian[0][0] + q.hessian[1][1];
  const double det = q.hessian[0][0] * q.hessian[1][1] - q.hessian[0][1] * q.hessian[1][0];
  const double limit = (kMostCurvatureRatio + 1) * (kMostCurvatureRatio + 1) / kMostCurvatureRatio;
  return det <= 0 || trace * trace >= limit * det;
}

struct Fit {
  Place place;
  std::array<double, 3> offset;
  Quadratic quadratic;
};

// Moves to the neighbour that is nearer to the extremum until none is.
std::optional<Fit> fit_at(const ScaleSpace& space, Place place) {
  for (int moves = 0; moves < kMostMoves && inside(space, place); ++moves) {
    const Quadratic quadratic = quadratic_at(space, place);
    const auto offset = extremum_of(quadratic);
    if (!offset) return std::nullopt;
    const auto step = [&](size_t i) { return (*offset)[i] > 0.5 ? 1 : (*offset)[i] < -0.5 ? -1 : 0; };
    if (step(0) == 0 && step(1) == 0 && step(2) == 0) return Fit{place, *offset, quadratic};
    place = {place.scale + step(2), place.y + step(1), place.x + step(0)};
  }
  return std::nullopt;
}

std::optional<InterestPoint> point_of(const Fit& fit, float threshold) {
  double value = fit.quadratic.value;
  for (size_t i = 0; i < 3; ++i) value += 0.5 * fit.quadratic.gradient[i] * fit.offset[i];
  if (std::abs(value) < threshold || on_edge(fit.quadratic)) return std::nullopt;
  // A difference is between two blurs: its scale is their geometric mean, half a step from the lower.
  const double sigma = ScaleSpace::sigma(fit.place.scale + fit.offset[2] + 0.5);
  return InterestPoint{static_cast<float>((static_cast<double>(fit.place.x) + fit.offset[0]) / 2),
                       static_cast<float>((static_cast<double>(fit.place.y) + fit.offset[1]) / 2),
                       static_cast<float>(sigma / 2), static_cast<float>(value)};
}

}  // namespace

std::vector<InterestPoint> interest_points(const float* picture, int64_t height, int64_t width,
                                           float threshold) {
  const ScaleSpace space(picture, height, width);
  std::vector<InterestPoint> points;
  std::set<Place> taken;  // two candidates may move to one place
  for (int s = 1; s + 1 < space.scales(); ++s) {
    for (int64_t y = 1; y + 1 < space.height(); ++y) {
      for (int64_t x = 1; x + 1 < space.width(); ++x) {
        if (std::abs(space.at(s, y, x)) <= kWorthFitting * threshold) continue;
        if (!is_extremum(space, {s, y, x})) continue;
        const auto fit = fit_at(space, {s, y, x});
        if (!fit || !taken.insert(fit->place).second) continue;
        if (const auto point = point_of(*fit, threshold)) points.push_back(*point);
      }
    }
  }
  std::sort(points.begin(), points.end(), [](const InterestPoint& a, const InterestPoint& b) {
    return std::tuple(-std::abs(a.strength), a.y, a.x, a.scale) <
           std::tuple(-std::abs(b.strength), b.y, b.x, b.scale);
  });
  return points;
}

std::vector<float> grey_of(const float* picture, const Shape& shape) {
  const int64_t plane = shape.height * shape.width;
  std::vector<float> weights(static_cast<size_t>(shape.channels), 1.0f / static_cast<float>(shape.channels));
  if (shape.channels == 3) weights = {0.299f, 0.587f, 0.114f};
  std::vector<float> grey(static_cast<size_t>(plane));
  for (const float weight : weights) {
    for (int64_t i = 0; i < plane; ++i) grey[static_cast<size_t>(i)] += weight * picture[i];
    picture += plane;
  }
  return grey;
}

}  // namespace lockstep::analysis
