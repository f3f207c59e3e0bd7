// field: where an autoencoder takes points of the plane of most variance, and its energy there.
#include <algorithm>

#include "lockstep/analysis/portrait.h"
#include "lockstep/core/error.h"
#include "pictures.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kSamples = 1000;     // that the plane is made of
constexpr size_t kStarts = 40;         // of trajectories
constexpr int64_t kMostValues = 1024;  // beyond which principal components take minutes

std::vector<Point> first_points(const Rows& rows, size_t most) {
  std::vector<Point> points;
  for (size_t r = 0; r < std::min(most, static_cast<size_t>(rows.count)); ++r) {
    const auto row = rows.row(static_cast<int64_t>(r));
    points.emplace_back(row.begin(), row.end());
  }
  return points;
}

// Along the principal components; of data that varies in one dimension, or none, along two axes.
Plane plane_of_most_variance(const Statistics& statistics) {
  try {
    return principal_plane(statistics);
  } catch (const Error&) {
    return axes_plane(statistics, 0, 1);
  }
}

int64_t count_stable(const Portrait& portrait) {
  const auto& points = portrait.fixed_points.points;
  return std::count_if(points.begin(), points.end(), [](const FixedPoint& point) {
    return point.examined && point.stability == Stability::kStable;
  });
}

}  // namespace

std::string lacks_field(const Material& material) {
  const Subject& subject = material.subject();
  const int64_t values = subject.network.input_shape().size();
  if (!subject.reconstructs) return "it does not reconstruct its input";
  if (values < 2) return "its samples have one value, and a plane has two dimensions";
  if (values > kMostValues) {
    return text("its samples have ", values, " values, and this picture is made of up to ", kMostValues,
                " (trainer dynamics takes more)");
  }
  return "";
}

Picture draw_field(Material& material) {
  const Subject& subject = material.subject();
  const Team& team = material.team();
  const Rows samples = material.samples(kSamples).inputs;
  const Statistics statistics = statistics_of(team, samples);
  std::optional<Plane> plane;
  std::optional<Reconstruction> r;
  std::optional<Energy> energy;
  comm::together(team.group, [&] {
    plane = plane_of_most_variance(statistics);
    r.emplace(subject.network, subject.parameters, subject.sigmoid_on_top, team);
    energy.emplace(subject.network, subject.settings, subject.parameters, subject.sigmoid_on_top, team,
                   plane->origin);
  });
  PortraitOptions options;
  options.iteration.iterations = 300;
  // Jacobians by differences are slow.
  options.fixed_points.searches = r->exact() ? 4 : 0;
  options.fixed_points.examined = r->exact() ? 8 : 2;
  options.grid = 21;
  const Portrait portrait =
      portrait_of(team, *r, landscape_of(*energy), first_points(samples, kStarts), plane, options);
  const auto found = static_cast<int64_t>(portrait.fixed_points.points.size());
  return {.svg = portrait_svg(portrait, "r(x) - x and the energy"),
          .caption =
              text("The plane through the mean of ", samples.count,
                   " samples along their first two principal ", "components: energy (", energy->description(),
                   ") and the part of r(x) - x that lies in it. From ", portrait.starts.size(),
                   " samples, iterating reaches or Newton's method finds ", counted(found, "fixed point"),
                   "; ", count_stable(portrait), " of those examined are stable. ", "Curl at most ",
                   rounded(portrait.largest_curl()), ".")};
}

}  // namespace lockstep::analysis
