#include "lockstep/analysis/fixed_points.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lockstep/kernels/linear_algebra.h"

namespace lockstep::analysis {

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// x + d with (1 - J) d = r(x) - x; empty where 1 - J is singular.
Point newton_step(const Reconstruction& r, const Point& x, const Point& rx, int slot) {
  const auto n = static_cast<size_t>(r.width());
  std::vector<double> matrix = r.jacobian(x, slot);
  for (double& value : matrix) value = -value;
  for (size_t i = 0; i < n; ++i) matrix[i * n + i] += 1;
  Point difference(n);
  for (size_t i = 0; i < n; ++i) difference[i] = rx[i] - x[i];
  return kernels::solve(r.width(), matrix.data(), difference.data()).value_or(Point{});
}

// Collective. newton() from each point, spread over ranks and threads.
std::vector<Point> newton_from(const Team& team, const Reconstruction& r, std::span<const Point> starts) {
  const auto width = static_cast<size_t>(r.width());
  const auto all = share<double>(team, static_cast<int64_t>(starts.size()), r.width(),
                                 [&](int64_t i, int slot, std::span<double> out) {
                                   const Point end = newton(r, starts[static_cast<size_t>(i)], slot);
                                   std::copy(end.begin(), end.end(), out.begin());
                                 });
  std::vector<Point> ends;
  for (size_t i = 0; i < starts.size(); ++i) ends.emplace_back(&all[i * width], &all[i * width] + width);
  return ends;
}

class Collection {
 public:
  explicit Collection(double merge) : merge_(merge) {}

  // The index of the first point that is near, or of a new one.
  size_t place_of(const Point& x) {
    size_t i = 0;
    while (i < points_.size() && !(distance(points_[i], x) <= merge_)) ++i;
    if (i == points_.size()) points_.push_back(x);
    return i;
  }
  const std::vector<Point>& points() const { return points_; }

 private:
  double merge_;
  std::vector<Point> points_;
};

// Indices of groups by descending size, of equal ones the first.
std::vector<size_t> by_size(const std::vector<int64_t>& sizes) {
  std::vector<size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  return order;
}

// Points in groups of near ones: the groups in order of their size, and of each point which it is in.
struct Groups {
  std::vector<Point> points;  // one a group
  std::vector<int64_t> sizes;
  std::vector<int32_t> of;  // -1 of a point of size 0
};

Groups group(const std::vector<Point>& points, const std::vector<int64_t>& sizes, double merge) {
  Collection collection(merge);
  std::vector<size_t> place(points.size());
  std::vector<int64_t> total(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    if (sizes[i] == 0) continue;
    place[i] = collection.place_of(points[i]);
    total[place[i]] += sizes[i];
  }
  total.resize(collection.points().size());
  Groups groups;
  std::vector<int32_t> number(total.size());
  for (const size_t g : by_size(total)) {
    number[g] = static_cast<int32_t>(groups.points.size());
    groups.points.push_back(collection.points()[g]);
    groups.sizes.push_back(total[g]);
  }
  for (size_t i = 0; i < points.size(); ++i) groups.of.push_back(sizes[i] == 0 ? -1 : number[place[i]]);
  return groups;
}

// What iterating ends at, largest basins first; the first of them made exact by Newton's method.
FixedPoints attractors(const Team& team, const Reconstruction& r, const std::vector<Trajectory>& trajectories,
                       const FixedPointOptions& options) {
  std::vector<Point> ends;
  std::vector<int64_t> counts;
  for (const Trajectory& t : trajectories) {
    ends.push_back(t.end);
    counts.push_back(t.converged ? 1 : 0);
  }
  Groups rough = group(ends, counts, options.merge);
  const size_t first = std::min(rough.points.size(), static_cast<size_t>(options.examined));
  const std::vector<Point> exact = newton_from(team, r, std::span(rough.points).first(first));
  for (size_t i = 0; i < first; ++i) {
    if (distance(exact[i], rough.points[i]) <= options.merge) rough.points[i] = exact[i];
  }
  const Groups merged = group(rough.points, rough.sizes, options.merge);
  FixedPoints result;
  for (size_t i = 0; i < merged.points.size(); ++i) {
    result.points.push_back({.x = merged.points[i], .basin = merged.sizes[i], .iterated = true});
  }
  for (const int32_t g : rough.of) result.of_start.push_back(g < 0 ? -1 : merged.of[static_cast<size_t>(g)]);
  return result;
}

// Those that Newton's method finds from some of the starts, none of them near one that is known.
std::vector<FixedPoint> searched(const Team& team, const Reconstruction& r, const std::vector<Point>& starts,
                                 const std::vector<FixedPoint>& known, const FixedPointOptions& options) {
  Collection collection(options.merge);
  for (const FixedPoint& point : known) collection.place_of(point.x);
  const size_t before = collection.points().size();
  const size_t searches = std::min(starts.size(), static_cast<size_t>(options.searches));
  for (const Point& x : newton_from(team, r, std::span(starts).first(searches))) {
    if (distance(x, r(x)) <= options.tolerance) collection.place_of(x);
  }
  std::vector<FixedPoint> found;
  for (size_t i = before; i < collection.points().size(); ++i) found.push_back({.x = collection.points()[i]});
  return found;
}

Stability stability_of(const Reconstruction& r, double radius) {
  const double rounding = r.exact() ? 1e-6 : 1e-3;
  if (std::fabs(radius - 1) <= rounding) return Stability::kMarginal;
  return radius < 1 ? Stability::kStable : Stability::kUnstable;
}

// Collective. Fills in residual and energy of all, and the rest of the first `examined`.
void examine(const Team& team, const Reconstruction& r, const Landscape& landscape, int64_t examined,
             std::vector<FixedPoint>& points) {
  const int64_t values = 3 + 2 * r.width();
  const auto count = static_cast<int64_t>(points.size());
  const auto all = share<double>(team, count, values, [&](int64_t i, int slot, std::span<double> out) {
    const Point& x = points[static_cast<size_t>(i)].x;
    out[0] = distance(x, r(x, slot));
    out[1] = landscape.energy ? landscape.energy(x, slot) : kNothing;
    if (i >= examined) return;
    out[2] = curl(r, landscape, x, slot);
    const auto spectrum = r.spectrum(x, slot);
    for (size_t k = 0; k < spectrum.size(); ++k) {
      out[3 + 2 * k] = spectrum[k].real();
      out[4 + 2 * k] = spectrum[k].imag();
    }
  });
  const double* in = all.data();
  for (size_t i = 0; i < points.size(); ++i, in += values) {
    FixedPoint& point = points[i];
    point.residual = in[0];
    point.energy = in[1];
    if (static_cast<int64_t>(i) >= examined) continue;
    point.examined = true;
    point.curl = in[2];
    for (int64_t k = 0; k < r.width(); ++k) point.spectrum.emplace_back(in[3 + 2 * k], in[4 + 2 * k]);
    point.stability = stability_of(r, point.radius());
  }
}

}  // namespace

const char* stability_name(Stability stability) {
  if (stability == Stability::kMarginal) return "marginal";
  return stability == Stability::kStable ? "stable" : "unstable";
}

Point newton(const Reconstruction& r, const Point& start, int slot) {
  constexpr double kExact = 1e-14;
  constexpr int kMostSteps = 50;
  constexpr int kMostHalvings = 10;
  Point x = start;
  Point rx = r(x, slot);
  double residual = distance(x, rx);
  for (int step = 0; step < kMostSteps && residual > kExact; ++step) {
    const Point direction = newton_step(r, x, rx, slot);
    if (direction.empty()) break;
    double length = 1;
    bool better = false;
    for (int halving = 0; halving < kMostHalvings && !better; ++halving, length /= 2) {
      Point next = x;
      for (size_t i = 0; i < x.size(); ++i) next[i] += length * direction[i];
      Point rnext = r(next, slot);
      const double there = distance(next, rnext);
      better = there < residual;
      if (!better) continue;
      x = std::move(next);
      rx = std::move(rnext);
      residual = there;
    }
    if (!better) break;
  }
  return x;
}

FixedPoints find_fixed_points(const Team& team, const Reconstruction& r, const Landscape& landscape,
                              const std::vector<Point>& starts, const std::vector<Trajectory>& trajectories,
                              const FixedPointOptions& options) {
  FixedPoints result = attractors(team, r, trajectories, options);
  std::vector<FixedPoint> others = searched(team, r, starts, result.points, options);
  examine(team, r, landscape, options.examined, result.points);
  examine(team, r, landscape, static_cast<int64_t>(others.size()), others);
  for (FixedPoint& point : others) {
    if (point.stability != Stability::kMarginal) result.points.push_back(std::move(point));
  }
  return result;
}

}  // namespace lockstep::analysis
