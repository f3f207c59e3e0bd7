// Mean and covariance of many samples, in double precision, the same bits on any number of ranks and threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lockstep/analysis/forward.h"
#include "lockstep/analysis/share.h"
#include "lockstep/kernels/linear_algebra.h"

namespace lockstep::analysis {

struct Statistics {
  int64_t count = 0;
  int64_t width = 0;
  std::vector<double> mean;        // width
  std::vector<double> covariance;  // width x width, of the population: divided by count, not by one less
};

// Writes rows [first, first + count) to `rows`, one after the other.
using ReadRows = std::function<void(int64_t first, int64_t count, float* rows)>;

// Collective. `read` is called on every rank, by the calling thread, block by block in order, so that samples
// of any number need little memory: 2 x 1024 rows, and this rank's part of the covariance. It may fail.
//
// A rank computes tiles of the covariance, each over all samples in their order, so nothing depends on how
// the tiles are spread.
Statistics statistics_of(const Team& team, int64_t count, int64_t width, const ReadRows& read);
Statistics statistics_of(const Team& team, const Rows& rows);

// The principal components: covariance = U L U^T. Values in descending order, none below 0; vectors (the
// columns of U) one a row, with the signs of kernels::symmetric_eigen(). Not collective: every rank finds the
// same.
kernels::SymmetricEigen principal_components(const Statistics& statistics);

}  // namespace lockstep::analysis
