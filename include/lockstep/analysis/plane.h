// A plane through the data's mean, and the vector field r(x) - x and the energy on it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/analysis/dynamics.h"
#include "lockstep/analysis/statistics.h"

namespace lockstep::analysis {

// Points origin + a u + b v. u and v are orthonormal: u is the first of the directions given, v what the
// second adds to it.
struct Plane {
  Point origin;
  std::array<Point, 2> directions;       // u, v
  std::array<std::string, 2> names;      // for people: "principal component 1"
  std::array<double, 2> reach = {1, 1};  // a is in [-reach[0], reach[0]], b likewise

  Point at(double a, double b) const;
  // The coordinates (a, b) of the point of the plane that is nearest to x.
  std::array<double, 2> project(const Point& x) const;
};

// From two directions, which are brought to length 1 and made orthogonal. The reach is three standard
// deviations of the data along each; 1 where that is 0. Fails (usage) where a direction has another width
// than the data, is zero, or both are parallel.
Plane plane_of(const Statistics& statistics, const std::array<Point, 2>& directions,
               const std::array<std::string, 2>& names);
// Through the first two principal components. Fails (usage) where the data has but one dimension, or varies
// in fewer than two.
Plane principal_plane(const Statistics& statistics);
// Along two of the coordinate axes, counted from 0.
Plane axes_plane(const Statistics& statistics, int64_t first, int64_t second);
// Through the mean and two points, which the reach covers too.
Plane points_plane(const Statistics& statistics, const std::array<Point, 2>& points,
                   const std::array<std::string, 2>& names);

struct PlaneField {
  int64_t grid = 0;       // places along each direction
  std::vector<double> a;  // grid
  std::vector<double> b;  // grid
  // One a place, b slowest: grid x grid.
  std::vector<double> along_a;  // the component of r(x) - x along u
  std::vector<double> along_b;  // along v
  std::vector<double> outside;  // the length of the rest, which leaves the plane
  std::vector<double> energy;   // NaN where there is none
};

// Collective. At grid x grid places that cover the reach, edges included: the same on every rank.
PlaneField field_on(const Team& team, const Reconstruction& r, const Landscape& landscape, const Plane& plane,
                    int64_t grid);

}  // namespace lockstep::analysis
