#include "lockstep/analysis/dynamics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lockstep::analysis {

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// p log(p / q), with its limit at p = 0. A q that is 0 may be anything that 1 - q rounds away: with the
// largest of these it is a bound from below.
double relative_entropy(double p, double q) {
  constexpr double kRounded = 0.5 * std::numeric_limits<double>::epsilon();
  return p > 0 ? p * std::log(p / std::max(q, kRounded)) : 0;
}

// What sums of energies are rounded by, generously.
double rounding(double before, double after, const Point& x) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  return 1e-12 * (1 + std::fabs(before) + std::fabs(after) + squares);
}

class Follower {
 public:
  Follower(const Reconstruction& r, const Landscape& landscape, const IterationOptions& options, int slot)
      : r_(r), landscape_(landscape), options_(options), slot_(slot) {}

  Trajectory follow(const Point& start) const {
    Trajectory t;
    t.end = start;
    t.energies.assign(kRecordedSteps + 1, kNothing);
    t.energies[0] = t.energy_at_start = t.energy_at_end = energy(start);
    for (;;) {
      Point next = r_(t.end, slot_);
      t.last = distance(t.end, next);
      t.converged = t.last <= options_.tolerance;
      if (t.converged || !std::isfinite(t.last) || t.steps == options_.iterations) break;
      take(std::move(next), t);
    }
    if (!landscape_.closed && t.steps > 0) t.energy_at_end = energy(t.end);
    return t;
  }

 private:
  double energy(const Point& x) const { return landscape_.energy ? landscape_.energy(x, slot_) : kNothing; }

  void take(Point next, Trajectory& t) const {
    ++t.steps;
    const bool power_of_two = (t.steps & (t.steps - 1)) == 0;
    if (landscape_.closed) {
      const double before = t.energy_at_end;
      t.energy_at_end = energy(next);
      const double least = least_rise(landscape_.binary, t.end, next);
      if (t.energy_at_end - before < least - rounding(before, t.energy_at_end, next)) ++t.violations;
      if (t.steps <= kRecordedSteps) t.energies[static_cast<size_t>(t.steps)] = t.energy_at_end;
    } else if (t.steps <= kRecordedSteps && power_of_two) {
      t.energies[static_cast<size_t>(t.steps)] = energy(next);
    }
    t.end = std::move(next);
  }

  const Reconstruction& r_;
  const Landscape& landscape_;
  const IterationOptions& options_;
  int slot_;
};

// Trajectories as numbers, to be sent between ranks.
constexpr int64_t kHead = 6;

void pack(const Trajectory& t, std::span<double> out) {
  const double head[kHead] = {static_cast<double>(t.steps),
                              static_cast<double>(t.converged),
                              t.last,
                              static_cast<double>(t.violations),
                              t.energy_at_start,
                              t.energy_at_end};
  auto place = std::copy(head, head + kHead, out.begin());
  place = std::copy(t.energies.begin(), t.energies.end(), place);
  std::copy(t.end.begin(), t.end.end(), place);
}

Trajectory unpack(std::span<const double> in) {
  const auto energies = in.subspan(kHead, kRecordedSteps + 1);
  const auto end = in.subspan(kHead + kRecordedSteps + 1);
  Trajectory t;
  t.end.assign(end.begin(), end.end());
  t.steps = static_cast<int64_t>(in[0]);
  t.converged = in[1] != 0;
  t.last = in[2];
  t.violations = static_cast<int64_t>(in[3]);
  t.energy_at_start = in[4];
  t.energy_at_end = in[5];
  t.energies.assign(energies.begin(), energies.end());
  return t;
}

}  // namespace

Landscape landscape_of(const Energy& energy) {
  return {[&energy](const Point& x, int slot) { return energy(x, slot); },
          [&energy](const Point& x, int slot) { return energy.curl(x, slot); }, energy.binary(),
          energy.closed()};
}

double curl(const Reconstruction& r, const Landscape& landscape, const Point& x, int slot) {
  return landscape.curl ? landscape.curl(x, slot) : asymmetry(r.width(), r.jacobian(x, slot));
}

double distance(const Point& a, const Point& b) {
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

double least_rise(bool binary, const Point& x, const Point& r) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    sum += binary ? relative_entropy(x[i], r[i]) + relative_entropy(1 - x[i], 1 - r[i])
                  : 0.5 * (r[i] - x[i]) * (r[i] - x[i]);
  }
  return sum;
}

std::vector<Trajectory> iterate(const Team& team, const Reconstruction& r, const Landscape& landscape,
                                const std::vector<Point>& starts, const IterationOptions& options) {
  const auto count = static_cast<int64_t>(starts.size());
  const int64_t values = kHead + kRecordedSteps + 1 + r.width();
  const auto all = share<double>(team, count, values, [&](int64_t i, int slot, std::span<double> out) {
    pack(Follower(r, landscape, options, slot).follow(starts[static_cast<size_t>(i)]), out);
  });
  std::vector<Trajectory> result;
  for (int64_t i = 0; i < count; ++i) {
    result.push_back(
        unpack(std::span(all).subspan(static_cast<size_t>(i * values), static_cast<size_t>(values))));
  }
  return result;
}

}  // namespace lockstep::analysis
