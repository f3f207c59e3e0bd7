// Principal component analysis: the best linear code of samples, and what it loses.
#pragma once

#include <cstdint>
#include <vector>

#include "lockstep/analysis/sample_source.h"
#include "lockstep/analysis/statistics.h"

namespace lockstep::analysis {

// Collective. The mean over samples of |x - mean - V^T V (x - mean)|^2, a sum over a sample's values, in
// double; V are the first `components` rows of `vectors`, mean has the source's width. Summed along a fixed
// tree.
double projection_error(const Team& team, const SampleSource& source, const std::vector<double>& mean,
                        const std::vector<double>& vectors, int64_t components);

}  // namespace lockstep::analysis
