// K-means over ranks: Lloyd's iterations (Lloyd 1982, "Least squares quantization in PCM") from a k-means++
// start (Arthur, Vassilvitskii 2007, "k-means++: the advantages of careful seeding", section 2.2).
//
// Every rank has all samples; the work is shared. Scores of centres are matrix products in single precision;
// distances to the centre found, and all sums, are in double precision: a centre's mean over its samples in
// their order, the inertia over all samples in theirs. So nothing depends on who computed what.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lockstep/analysis/forward.h"
#include "lockstep/analysis/share.h"

namespace lockstep::analysis {

// A sample's nearest centre, and the squared distance to it.
struct Nearest {
  double squared = 0;
  int64_t centre = 0;
};

struct Assignment {
  std::vector<Nearest> nearest;  // one a sample
  double inertia = 0;            // the sum of the squared distances
};

// Collective. `centres` has one a row, as wide as the samples. Where single precision does not tell two
// centres apart either may be found, but always the same.
Assignment assign(const Team& team, const Rows& samples, std::span<const float> centres);

// Collective. `count` samples, each chosen with a probability proportional to its squared distance from the
// nearest of those before it, as (seed, its number) say. Fails (usage) where there are fewer distinct
// samples.
std::vector<float> spread_centres(const Team& team, const Rows& samples, int64_t count, uint64_t seed);

struct KMeansStep {
  int64_t iteration = 0;  // from 1; 0: the start
  double inertia = 0;     // after it
  int64_t moved = 0;      // samples that it gave to another centre
  int64_t reseeded = 0;   // centres without samples that it put on one
};

struct KMeans {
  std::vector<float> centres;
  std::vector<double> inertia;  // at the start, then after each iteration: each below the one before
  bool converged = false;       // else the iterations were at an end
};

// Collective. At most so many iterations; ends when one does not lower the inertia, which is then left out. A
// centre without samples moves to the sample that is farthest from its centre (the first of equals) among
// those whose centre has others too, which is then no longer counted with its old one. `watch`, if any, is
// called on every rank.
KMeans k_means(const Team& team, const Rows& samples, std::vector<float> start, int64_t iterations,
               const std::function<void(const KMeansStep&)>& watch = nullptr);

}  // namespace lockstep::analysis
