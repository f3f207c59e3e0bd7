// A phase portrait as HDF5.
#include <algorithm>
#include <limits>

#include "lockstep/analysis/portrait.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kLeading = 16;  // eigenvalues of each fixed point
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// An array with a line that says what it is.
void write_doubles(io::File& file, const std::string& name, const std::string& meaning,
                   const std::vector<int64_t>& dims, const std::vector<double>& values) {
  file.write(name, io::Type::kFloat64, dims, values.data());
  file.set_attribute(name, "meaning", meaning);
}

void write_whole(io::File& file, const std::string& name, const std::string& meaning,
                 const std::vector<int64_t>& values) {
  file.write(name, io::Type::kInt64, {static_cast<int64_t>(values.size())}, values.data());
  file.set_attribute(name, "meaning", meaning);
}

// A number of each element of a vector.
template <class Elements, class Take>
auto each(const Elements& elements, const Take& take) {
  std::vector<std::decay_t<decltype(take(elements.front()))>> values;
  for (const auto& element : elements) values.push_back(take(element));
  return values;
}

// The points that `take` gives of each element, one after the other.
template <class Elements, class Take>
std::vector<double> points_of(const Elements& elements, const Take& take) {
  std::vector<double> values;
  for (const auto& element : elements) {
    const Point& point = take(element);
    values.insert(values.end(), point.begin(), point.end());
  }
  return values;
}

void write_starts(const Portrait& p, int64_t width, io::File& file) {
  const auto count = static_cast<int64_t>(p.starts.size());
  const std::vector<Trajectory>& all = p.trajectories;
  write_doubles(file, "/starts/points", "where each trajectory starts", {count, width},
                points_of(p.starts, [](const Point& x) -> const Point& { return x; }));
  write_doubles(file, "/starts/ends", "where it ends", {count, width},
                points_of(all, [](const Trajectory& t) -> const Point& { return t.end; }));
  write_whole(file, "/starts/steps", "steps to there",
              each(all, [](const Trajectory& t) { return t.steps; }));
  write_whole(file, "/starts/converged", "1 where it came to rest",
              each(all, [](const Trajectory& t) { return int64_t{t.converged}; }));
  write_doubles(file, "/starts/last_step", "root mean square of r(x) - x at the end", {count},
                each(all, [](const Trajectory& t) { return t.last; }));
  write_whole(file, "/starts/fixed_point", "the row of /fixed_points that it ends at, or -1",
              each(p.fixed_points.of_start, [](int32_t i) { return int64_t{i}; }));
  if (p.energy.empty()) return;
  write_doubles(file, "/starts/energy",
                "the energy at the start and behind each of the first steps; NaN behind the end",
                {count, kRecordedSteps + 1},
                points_of(all, [](const Trajectory& t) -> const Point& { return t.energies; }));
  write_doubles(file, "/starts/energy_at_end", "the energy at the end", {count},
                each(all, [](const Trajectory& t) { return t.energy_at_end; }));
  if (!p.closed) return;
  write_whole(file, "/starts/violations", "steps in which the energy rose by less than its bound",
              each(all, [](const Trajectory& t) { return t.violations; }));
}

void write_fixed_points(const Portrait& p, int64_t width, io::File& file) {
  const std::vector<FixedPoint>& points = p.fixed_points.points;
  const auto count = static_cast<int64_t>(points.size());
  const int64_t leading = std::min(kLeading, width);
  std::vector<double> spectrum;
  for (const FixedPoint& point : points) {
    for (size_t k = 0; k < static_cast<size_t>(leading); ++k) {
      const auto value = point.examined ? point.spectrum[k] : std::complex<double>(kNothing, kNothing);
      spectrum.insert(spectrum.end(), {value.real(), value.imag()});
    }
  }
  const auto examined = [](double FixedPoint::*member) {
    return [member](const FixedPoint& point) { return point.examined ? point.*member : kNothing; };
  };
  write_doubles(file, "/fixed_points/points", "fixed points of r, the largest basins first", {count, width},
                points_of(points, [](const FixedPoint& point) -> const Point& { return point.x; }));
  write_whole(file, "/fixed_points/basin", "starts that end there; 0 where Newton's method found it",
              each(points, [](const FixedPoint& point) { return point.basin; }));
  write_doubles(file, "/fixed_points/residual", "root mean square of r(x) - x", {count},
                each(points, [](const FixedPoint& point) { return point.residual; }));
  if (!p.energy.empty()) {
    write_doubles(file, "/fixed_points/energy", "the energy there", {count},
                  each(points, [](const FixedPoint& point) { return point.energy; }));
  }
  write_whole(file, "/fixed_points/examined", "1 where there is what follows",
              each(points, [](const FixedPoint& point) { return int64_t{point.examined}; }));
  write_whole(file, "/fixed_points/stability", "1 stable, 0 marginal, -1 unstable",
              each(points, [](const FixedPoint& point) { return static_cast<int64_t>(point.stability); }));
  write_doubles(
      file, "/fixed_points/radius", "spectral radius of the Jacobian of r", {count},
      each(points, [](const FixedPoint& point) { return point.examined ? point.radius() : kNothing; }));
  write_doubles(file, "/fixed_points/eigenvalues",
                "the leading ones of the Jacobian: real and imaginary parts", {count, leading, 2}, spectrum);
  write_doubles(file, "/fixed_points/curl", "|J - J^T| / |J| of the field's Jacobian", {count},
                each(points, examined(&FixedPoint::curl)));
}

void write_plane(const Plane& plane, const PlaneField& field, int64_t width, io::File& file, bool energy) {
  write_doubles(file, "/plane/origin", "the mean of the data", {width}, plane.origin);
  write_doubles(file, "/plane/directions", "u and v: " + plane.names[0] + " and " + plane.names[1],
                {2, width}, points_of(plane.directions, [](const Point& x) -> const Point& { return x; }));
  write_doubles(file, "/plane/a", "coordinates along u", {field.grid}, field.a);
  write_doubles(file, "/plane/b", "coordinates along v", {field.grid}, field.b);
  std::vector<double> vectors;
  for (size_t i = 0; i < field.along_a.size(); ++i) {
    vectors.insert(vectors.end(), {field.along_a[i], field.along_b[i]});
  }
  const std::vector<int64_t> grid = {field.grid, field.grid};
  write_doubles(file, "/plane/vectors", "r(x) - x along u and v at x = origin + a u + b v, b by a",
                {field.grid, field.grid, 2}, vectors);
  write_doubles(file, "/plane/outside", "the length of the rest of r(x) - x, which leaves the plane", grid,
                field.outside);
  if (energy) write_doubles(file, "/plane/energy", "the energy there", grid, field.energy);
}

}  // namespace

void write_portrait(const Portrait& p, io::File& file) {
  const auto width = static_cast<int64_t>(p.starts.front().size());
  file.set_attribute("/", "format", std::string_view("lockstep-dynamics"));
  file.set_attribute("/", "version", int64_t{1});
  file.set_attribute("/", "precision",
                     std::string_view(p.exact ? "double, exact Jacobian" : "single, central differences"));
  file.set_attribute("/", "starts", std::string_view(p.source));
  file.set_attribute("/", "energy", std::string_view(p.energy.empty() ? "none" : p.energy));
  file.set_attribute("/", "largest_curl", p.largest_curl());
  file.set_attribute("/", "conservative", int64_t{p.conservative()});
  write_starts(p, width, file);
  write_doubles(file, "/starts/curl", "|J - J^T| / |J| of the field's Jacobian at the first starts",
                {static_cast<int64_t>(p.curls.size())}, p.curls);
  write_fixed_points(p, width, file);
  if (p.plane) write_plane(*p.plane, p.field, width, file, !p.energy.empty());
}

}  // namespace lockstep::analysis
