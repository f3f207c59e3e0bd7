#include "lockstep/analysis/portrait.h"

#include <algorithm>
#include <cmath>

namespace lockstep::analysis {

namespace {

constexpr int64_t kPaths = 6;
constexpr int64_t kPathSteps = 50;

std::vector<double> curls_at(const Team& team, const Reconstruction& r, const Landscape& landscape,
                             const std::vector<Point>& starts, int64_t most) {
  const int64_t count = std::min(most, static_cast<int64_t>(starts.size()));
  return share<double>(team, count, 1, [&](int64_t i, int slot, std::span<double> out) {
    out[0] = curl(r, landscape, starts[static_cast<size_t>(i)], slot);
  });
}

// The first steps from each of the first starts, on the calling thread.
std::vector<std::vector<Point>> paths_of(const Reconstruction& r, const std::vector<Point>& starts,
                                         const std::vector<Trajectory>& trajectories) {
  std::vector<std::vector<Point>> paths;
  for (size_t i = 0; i < std::min(starts.size(), static_cast<size_t>(kPaths)); ++i) {
    paths.push_back({starts[i]});
    for (int64_t s = 0; s < std::min(trajectories[i].steps, kPathSteps); ++s)
      paths[i].push_back(r(paths[i].back()));
  }
  return paths;
}

}  // namespace

double Portrait::largest_curl() const {
  double largest = 0;
  for (const double value : curls) largest = std::max(largest, value);
  for (const FixedPoint& point : fixed_points.points) largest = std::max(largest, point.curl);
  return largest;
}

bool Portrait::conservative() const { return largest_curl() <= curl_of_rounding(exact); }

Portrait portrait_of(const Team& team, const Reconstruction& r, const Landscape& landscape,
                     const std::vector<Point>& starts, const std::optional<Plane>& plane,
                     const PortraitOptions& options) {
  Portrait portrait;
  portrait.exact = r.exact();
  portrait.binary = landscape.binary;
  portrait.closed = landscape.closed;
  portrait.most_steps = options.iteration.iterations;
  portrait.starts = starts;
  portrait.trajectories = iterate(team, r, landscape, starts, options.iteration);
  portrait.fixed_points =
      find_fixed_points(team, r, landscape, starts, portrait.trajectories, options.fixed_points);
  portrait.curls = curls_at(team, r, landscape, starts, options.fixed_points.examined);
  portrait.plane = plane;
  if (plane) {
    portrait.field = field_on(team, r, landscape, *plane, options.grid);
    comm::together(team.group, [&] { portrait.paths = paths_of(r, starts, portrait.trajectories); });
  }
  return portrait;
}

}  // namespace lockstep::analysis
