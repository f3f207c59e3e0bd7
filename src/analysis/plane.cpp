#include "lockstep/analysis/plane.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lockstep/core/error.h"
#include "lockstep/kernels/linear_algebra.h"

namespace lockstep::analysis {

namespace {

constexpr double kDeviations = 3;

double product(const Point& a, const Point& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double length(const Point& a) { return std::sqrt(product(a, a)); }

// a + factor b
Point sum(const Point& a, double factor, const Point& b) {
  Point result = a;
  for (size_t i = 0; i < a.size(); ++i) result[i] += factor * b[i];
  return result;
}

Point scaled(Point a, double factor) {
  for (double& value : a) value *= factor;
  return a;
}

// The standard deviation of the data along a direction of length 1.
double deviation(const Statistics& statistics, const Point& direction) {
  const int64_t n = statistics.width;
  Point image(static_cast<size_t>(n));
  kernels::multiply(false, n, 1, n, statistics.covariance.data(), direction.data(), image.data());
  return std::sqrt(std::max(product(direction, image), 0.0));
}

void check_direction(const Statistics& statistics, const Point& direction, const std::string& name) {
  if (static_cast<int64_t>(direction.size()) != statistics.width) {
    fail_usage("the plane's direction ", name, " has ", direction.size(), " values; the data has ",
               statistics.width);
  }
  const double size = length(direction);
  if (!std::isfinite(size))
    fail_usage("the plane's direction ", name, " has values that are infinite or NaN");
  if (size == 0) {
    fail_usage("the plane's direction ", name,
               " is zero; give a direction that leads away from the data's mean");
  }
}

std::string values_text(int64_t count) { return text(count, count == 1 ? " dimension" : " dimensions"); }

}  // namespace

Point Plane::at(double a, double b) const { return sum(sum(origin, a, directions[0]), b, directions[1]); }

std::array<double, 2> Plane::project(const Point& x) const {
  const Point from_origin = sum(x, -1, origin);
  return {product(from_origin, directions[0]), product(from_origin, directions[1])};
}

Plane plane_of(const Statistics& statistics, const std::array<Point, 2>& directions,
               const std::array<std::string, 2>& names) {
  constexpr double kParallel = 1e-9;
  for (const size_t d : {0, 1}) check_direction(statistics, directions[d], names[d]);
  Plane plane{statistics.mean, {}, names};
  const Point u = scaled(directions[0], 1 / length(directions[0]));
  const Point v = scaled(directions[1], 1 / length(directions[1]));
  Point rest = sum(v, -product(u, v), u);
  if (length(rest) < kParallel) {
    fail_usage("the plane's directions ", names[0], " and ", names[1],
               " are parallel, so they span a line; give two that are not");
  }
  rest = sum(rest, -product(u, rest), u);  // once more, for what rounding left
  plane.directions = {u, scaled(rest, 1 / length(rest))};
  for (const size_t d : {0, 1}) {
    const double spread = deviation(statistics, plane.directions[d]);
    if (spread > 0) plane.reach[d] = kDeviations * spread;
  }
  return plane;
}

Plane principal_plane(const Statistics& statistics) {
  if (statistics.width < 2) {
    fail_usage("a plane needs 2 dimensions, and the data has ", values_text(statistics.width),
               "; leave out the plane");
  }
  const kernels::SymmetricEigen components = principal_components(statistics);
  if (!(components.values[1] > 0)) {
    fail_usage(
        "the data varies in fewer than 2 dimensions, so it has no two principal components; give the "
        "plane's directions");
  }
  const auto component = [&](int64_t k) {
    const double* first = components.vectors.data() + k * statistics.width;
    return Point(first, first + statistics.width);
  };
  return plane_of(statistics, {component(0), component(1)},
                  {"principal component 1", "principal component 2"});
}

Plane axes_plane(const Statistics& statistics, int64_t first, int64_t second) {
  std::array<Point, 2> directions;
  std::array<std::string, 2> names;
  const std::array<int64_t, 2> axes = {first, second};
  for (const size_t d : {0, 1}) {
    if (axes[d] < 0 || axes[d] >= statistics.width) {
      fail_usage("the plane's axis ", axes[d], " lies outside the data, which has ",
                 values_text(statistics.width), "; expected axes from 0 to ", statistics.width - 1);
    }
    directions[d].resize(static_cast<size_t>(statistics.width));
    directions[d][static_cast<size_t>(axes[d])] = 1;
    names[d] = text("axis ", axes[d]);
  }
  return plane_of(statistics, directions, names);
}

Plane points_plane(const Statistics& statistics, const std::array<Point, 2>& points,
                   const std::array<std::string, 2>& names) {
  constexpr double kMargin = 1.2;
  std::array<Point, 2> directions = points;
  for (Point& direction : directions) {
    if (direction.size() == statistics.mean.size()) direction = sum(direction, -1, statistics.mean);
  }
  Plane plane = plane_of(statistics, directions, names);
  for (const Point& point : points) {
    const auto place = plane.project(point);
    for (const size_t d : {0, 1}) plane.reach[d] = std::max(plane.reach[d], kMargin * std::fabs(place[d]));
  }
  return plane;
}

PlaneField field_on(const Team& team, const Reconstruction& r, const Landscape& landscape, const Plane& plane,
                    int64_t grid) {
  PlaneField field{grid, {}, {}, {}, {}, {}, {}};
  for (int64_t i = 0; i < grid; ++i) {
    const double place = grid > 1 ? 2.0 * static_cast<double>(i) / static_cast<double>(grid - 1) - 1 : 0;
    field.a.push_back(place * plane.reach[0]);
    field.b.push_back(place * plane.reach[1]);
  }
  constexpr int64_t kValues = 4;
  const auto all =
      share<double>(team, grid * grid, kValues, [&](int64_t item, int slot, std::span<double> out) {
        const Point x =
            plane.at(field.a[static_cast<size_t>(item % grid)], field.b[static_cast<size_t>(item / grid)]);
        Point rest = sum(r(x, slot), -1, x);
        for (const size_t d : {0, 1}) out[d] = product(rest, plane.directions[d]);
        for (const size_t d : {0, 1}) rest = sum(rest, -out[d], plane.directions[d]);
        out[2] = length(rest);
        out[3] = landscape.energy ? landscape.energy(x, slot) : std::numeric_limits<double>::quiet_NaN();
      });
  for (size_t i = 0; i < all.size(); i += kValues) {
    field.along_a.push_back(all[i]);
    field.along_b.push_back(all[i + 1]);
    field.outside.push_back(all[i + 2]);
    field.energy.push_back(all[i + 3]);
  }
  return field;
}

}  // namespace lockstep::analysis
