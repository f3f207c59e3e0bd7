// An autoencoder as a dynamical system: x -> r(x) over and over (Seung 1998, "Learning continuous attractors
// in recurrent networks"; Alain, Bengio 2013, "What regularized auto-encoders learn from the data-generating
// distribution").
//
// Where an energy E with dE/dx = r(x) - x exists and h does not decrease, E + 1/2 |x|^2 is convex, so that
//   E(r(x)) - E(x) >= 1/2 |r(x) - x|^2:
// iterating ascends E. For values in (0, 1) behind sigmoids, where dE/dx = logit r(x) - logit x, likewise
//   E(r(x)) - E(x) >= KL(x, r(x)), of independent binary variables.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lockstep/analysis/energy.h"
#include "lockstep/analysis/reconstruction.h"
#include "lockstep/analysis/share.h"

namespace lockstep::analysis {

// What rises while r is iterated. Its functions are thread safe as Reconstruction is.
struct Landscape {
  std::function<double(const Point& x, int slot)> energy;  // empty: there is none
  // 0 where there is an energy; empty: of the Jacobian of r.
  std::function<double(const Point& x, int slot)> curl;
  bool binary = false;  // the bound is KL(x, r)
  // Whether it is an energy in closed form, for which the bound is to hold. Others, by integrals, are costly:
  // they are computed at some steps only.
  bool closed = false;
};

// Keeps a reference.
Landscape landscape_of(const Energy& energy);

// The landscape's curl at x, or asymmetry() of the Jacobian of r where it has none.
double curl(const Reconstruction& r, const Landscape& landscape, const Point& x, int slot = 0);

// The root of the mean square of the components of a - b: a distance in the units of one value.
double distance(const Point& a, const Point& b);

// The least that the energy rises by from x to r = r(x), as above.
double least_rise(bool binary, const Point& x, const Point& r);

struct IterationOptions {
  int64_t iterations = 1000;  // the most steps
  double tolerance = 1e-6;    // x is a fixed point where distance(x, r(x)) is at most that
};

// The energies of so many steps are kept.
constexpr int64_t kRecordedSteps = 100;

// What became of one start.
struct Trajectory {
  Point end;
  int64_t steps = 0;  // done to get there
  bool converged = false;
  double last = 0;         // distance(end, r(end)); not finite where it went beyond all bounds
  int64_t violations = 0;  // steps in which the energy rose by less than the bound
  // At the start and behind each of the first steps, kRecordedSteps + 1 values; NaN where there was no step
  // or no energy, and of one that is costly behind all but steps 1, 2, 4, 8, ...
  std::vector<double> energies;
  double energy_at_start = 0;
  double energy_at_end = 0;
};

// Collective. Starts are spread over ranks and threads, one trajectory a start on every rank: the same bits
// for any number of either.
std::vector<Trajectory> iterate(const Team& team, const Reconstruction& r, const Landscape& landscape,
                                const std::vector<Point>& starts, const IterationOptions& options);

}  // namespace lockstep::analysis
