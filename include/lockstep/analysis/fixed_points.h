// The fixed points of an autoencoder, r(x) = x: those that iterating ends at, with their basins, and those
// that Newton's method finds, which may be unstable; with the spectrum of the Jacobian of r there.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "lockstep/analysis/dynamics.h"

namespace lockstep::analysis {

// By the spectral radius of the Jacobian of r: below 1, 1 within what parameters in single precision are
// rounded by (a continuum of fixed points, or too close to tell), above 1.
enum class Stability { kUnstable = -1, kMarginal = 0, kStable = 1 };

const char* stability_name(Stability stability);  // "stable"

struct FixedPoint {
  Point x;
  int64_t basin = 0;      // starts whose iteration ends there
  bool iterated = false;  // else found by Newton's method
  double residual = 0;    // distance(x, r(x))
  double energy = 0;      // NaN where there is none
  // Only of those that were looked at more closely:
  bool examined = false;
  std::vector<std::complex<double>> spectrum = {};  // all, by descending magnitude
  double curl = 0;                                  // as curl() has it
  Stability stability = Stability::kMarginal;

  double radius() const { return spectrum.empty() ? 0 : std::abs(spectrum.front()); }
};

struct FixedPointOptions {
  double tolerance = 1e-6;  // as in IterationOptions
  double merge = 1e-3;      // fixed points at most that distance() apart are one
  int64_t searches = 10;    // Newton's method is started from so many of the starts, in their order
  int64_t examined = 20;  // so many of those that iterating ends at get a spectrum, the largest basins first
};

struct FixedPoints {
  // Those that iterating ends at, by descending basin (then by their first start), then the others, in the
  // order in which they were found.
  std::vector<FixedPoint> points;
  std::vector<int32_t> of_start;  // the index of where it ends, -1 where it did not converge
};

// Collective. The same on every rank, whatever their number. What iterating ended at is made exact by
// Newton's method where that stays within the merging distance. Points that it finds from the starts are kept
// where they are not marginal: of a continuum there would be as many as starts.
FixedPoints find_fixed_points(const Team& team, const Reconstruction& r, const Landscape& landscape,
                              const std::vector<Point>& starts, const std::vector<Trajectory>& trajectories,
                              const FixedPointOptions& options);

// Not collective. Newton's method for r(x) = x with backtracking; the best point that it came to.
Point newton(const Reconstruction& r, const Point& start, int slot = 0);

}  // namespace lockstep::analysis
