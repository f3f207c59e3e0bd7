// A phase portrait as a drawing.
#include <algorithm>
#include <cmath>

#include "lockstep/analysis/plot.h"
#include "lockstep/analysis/portrait.h"
#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

// Points projected on the plane.
struct Projected {
  std::vector<double> x, y;
  void add(const Plane& plane, const Point& point) {
    const auto place = plane.project(point);
    x.push_back(place[0]);
    y.push_back(place[1]);
  }
};

void draw_energy(const Portrait& p, Plot& plot) {
  constexpr int kLevels = 12;
  const PlaneField& field = p.field;
  const PlaneGrid grid{field.grid,      field.grid,     field.a.front(), field.a.back(),
                       field.b.front(), field.b.back(), field.energy};
  plot.heat_map(grid, ColourMap::kSequential, "energy");
  std::vector<double> finite;
  for (const double value : field.energy) {
    if (std::isfinite(value)) finite.push_back(value);
  }
  if (finite.empty()) return;
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  std::vector<double> levels;
  for (int k = 1; k < kLevels; ++k) levels.push_back(*low + (*high - *low) * k / kLevels);
  plot.contours(grid, levels);
}

void draw_field(const PlaneField& field, Plot& plot) {
  VectorField arrows;
  for (int64_t i = 0; i < field.grid * field.grid; ++i) {
    arrows.x.push_back(field.a[static_cast<size_t>(i % field.grid)]);
    arrows.y.push_back(field.b[static_cast<size_t>(i / field.grid)]);
  }
  arrows.u = field.along_a;
  arrows.v = field.along_b;
  plot.arrows(arrows);
}

void draw_fixed_points(const Portrait& p, Plot& plot) {
  Projected stable;
  Projected others;
  for (const FixedPoint& point : p.fixed_points.points) {
    if (!point.examined) continue;
    (point.stability == Stability::kStable ? stable : others).add(*p.plane, point.x);
  }
  if (!stable.x.empty()) plot.marks("stable fixed point", stable.x, stable.y, true);
  if (!others.x.empty()) plot.marks("other fixed point", others.x, others.y, false);
}

}  // namespace

std::string portrait_svg(const Portrait& p, const std::string& title) {
  if (!p.plane) fail("there is no plane to draw");
  const auto axis = [&](size_t d) {
    return Axis{.label = p.plane->names[d], .low = -p.plane->reach[d], .high = p.plane->reach[d]};
  };
  Plot plot({.title = title, .x = axis(0), .y = axis(1), .width = 640, .height = 520});
  if (!p.energy.empty()) draw_energy(p, plot);
  draw_field(p.field, plot);
  for (const auto& path : p.paths) {
    Projected places;
    for (const Point& x : path) places.add(*p.plane, x);
    plot.trajectory("iteration of r", places.x, places.y);
  }
  draw_fixed_points(p, plot);
  return plot.svg();
}

}  // namespace lockstep::analysis
