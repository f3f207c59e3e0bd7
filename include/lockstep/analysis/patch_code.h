// How patches become codes, to be summed over parts of a picture.
#pragma once

#include <cstdint>
#include <functional>

#include "lockstep/analysis/forward.h"
#include "lockstep/nn/network.h"

namespace lockstep::analysis {

// Adds the code of each of some patches to the sum of its part of the picture. `patches` is values x columns,
// columns a multiple of kernels::kLanes; part[n] is the part that column n lies in, -1 of a column that is no
// patch; sums is parts x features.
using AddCodes = std::function<void(int64_t columns, const float* patches, const int* part, float* sums)>;

struct PatchCode {
  int64_t features = 0;
  // What one thread adds codes with, at most so many columns at once.
  std::function<AddCodes(int64_t most_columns)> start;
};

// The triangle of K-means: f_k = max(0, mean_j z_j - z_k), with z_k the distance from centre k (Coates, Lee,
// Ng 2011, "An analysis of single-layer networks in unsupervised feature learning", equation 4). Half of the
// features, about, are 0. `centres` has one a row.
PatchCode triangle_code(Rows centres);

// What a network makes of a patch; with `magnitude`, the absolute values of it. Keeps references to both.
PatchCode network_code(const nn::Network& encoder, const float* parameters, bool magnitude);

}  // namespace lockstep::analysis
