// What `trainer dynamics` says.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lockstep/analysis/portrait.h"
#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

constexpr size_t kRows = 20;  // fixed points that are listed
constexpr size_t kLeading = 4;

std::string number(double value) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.4g", value);
  return digits;
}

std::string padded(const std::string& value, size_t width) {
  return std::string(value.size() < width ? width - value.size() : 0, ' ') + value + "  ";
}

std::string starts_text(const Portrait& p) {
  std::vector<int64_t> steps;
  int64_t diverged = 0;
  double farthest = 0;
  for (const Trajectory& t : p.trajectories) {
    if (t.converged) {
      steps.push_back(t.steps);
    } else if (!std::isfinite(t.last)) {
      ++diverged;
    } else {
      farthest = std::max(farthest, t.last);
    }
  }
  std::sort(steps.begin(), steps.end());
  std::string result =
      text("starts        ", p.starts.size(), " of ", p.source, ": ", steps.size(), " converged");
  if (!steps.empty()) {
    result +=
        text(" in ", steps.front(), " to ", steps.back(), " steps (median ", steps[steps.size() / 2], ")");
  }
  const int64_t moving = static_cast<int64_t>(p.starts.size() - steps.size()) - diverged;
  if (moving > 0) {
    result += text(", ", moving, " did not in ", p.most_steps, " (the last step was ", number(farthest),
                   " at most)");
  }
  if (diverged > 0) result += text(", ", diverged, " went beyond all bounds");
  return result + "\n";
}

std::string energy_text(const Portrait& p) {
  if (p.energy.empty()) return "energy        none to follow\n";
  double before = 0;
  double after = 0;
  int64_t steps = 0;
  int64_t violations = 0;
  for (const Trajectory& t : p.trajectories) {
    before += t.energy_at_start;
    after += t.energy_at_end;
    steps += t.steps;
    violations += t.violations;
  }
  const auto count = static_cast<double>(p.starts.size());
  std::string result = text("energy        ", p.energy, "; from ", number(before / count), " to ",
                            number(after / count), ", means over the starts\n");
  if (p.closed) {
    result += text("bound         E(r(x)) - E(x) >= ", p.binary ? "KL(x, r(x))" : "1/2 |r(x) - x|^2",
                   ": violated in ", violations, " of ", steps, " steps\n");
  }
  return result;
}

std::string eigenvalue_text(const std::complex<double>& value) {
  if (value.imag() == 0) return number(value.real());
  return number(value.real()) + (value.imag() < 0 ? "-" : "+") + number(std::fabs(value.imag())) + "i";
}

std::string fixed_point_text(const FixedPoint& point, bool energy) {
  std::string row = "  " + padded(std::to_string(point.basin), 7);
  if (energy) row += padded(number(point.energy), 10);
  if (!point.examined) return row + "not examined\n";
  row += padded(stability_name(point.stability), 9) + padded(number(point.radius()), 8);
  for (size_t k = 0; k < std::min(kLeading, point.spectrum.size()); ++k) {
    row += (k == 0 ? "" : " ") + eigenvalue_text(point.spectrum[k]);
  }
  return row + (point.iterated ? "" : "  (by Newton's method)") + "\n";
}

std::string fixed_points_text(const Portrait& p) {
  const std::vector<FixedPoint>& points = p.fixed_points.points;
  std::string result = text("fixed points  ", points.size());
  for (const Stability s : {Stability::kStable, Stability::kMarginal, Stability::kUnstable}) {
    const auto count = std::count_if(points.begin(), points.end(), [&](const FixedPoint& point) {
      return point.examined && point.stability == s;
    });
    result += text(s == Stability::kStable ? ": " : ", ", count, " ", stability_name(s));
  }
  const auto rest =
      std::count_if(points.begin(), points.end(), [](const FixedPoint& p) { return !p.examined; });
  if (rest > 0) result += text(", ", rest, " not examined");
  result += "\n";
  if (points.empty()) return result;
  result += "  " + padded("basin", 7) + (p.energy.empty() ? "" : padded("energy", 10)) + padded("", 9) +
            padded("radius", 8) + "leading eigenvalues\n";
  for (size_t i = 0; i < std::min(kRows, points.size()); ++i) {
    result += fixed_point_text(points[i], !p.energy.empty());
  }
  if (points.size() > kRows) result += text("  ... and ", points.size() - kRows, " more, in the file\n");
  return result;
}

}  // namespace

std::string portrait_text(const Portrait& p) {
  std::string result = p.exact ? "r(x)          in double precision, with its exact Jacobian\n"
                               : "r(x)          in single precision, its Jacobian by central differences\n";
  result += starts_text(p) + energy_text(p) + fixed_points_text(p);
  result += text("curl          |J - J^T| / |J| of ", p.binary ? "logit r" : "r", " is ",
                 number(p.largest_curl()), " at most: the field is ", p.conservative() ? "" : "not ",
                 "conservative where it was looked at\n");
  if (p.plane) {
    result += text("plane         ", p.plane->names[0], " by ", p.plane->names[1], ", ", p.field.grid, " x ",
                   p.field.grid, " places\n");
  }
  return result;
}

}  // namespace lockstep::analysis
