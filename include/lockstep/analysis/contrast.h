// Contrast normalisation: z = (x - m) / sqrt(v + c), with mean m and variance v of the one sample (Coates,
// Lee and Ng 2011, "An analysis of single-layer networks in unsupervised feature learning", section 3.1.1,
// where c is 10 for pictures of 0 to 255). The variance is divided by the count of values, not by one less.
#pragma once

#include <cstdint>

#include "lockstep/io/dataset_file.h"

namespace lockstep::analysis {

// A constant for stored numbers (10 for bytes), for the values that they stand for.
double contrast_of_values(const io::DatasetInfo& info, double constant);

// In place, of `count` rows of `width` values. Each row's m goes to mean, its sqrt(v + c) to deviation, so
// that x = z deviation + mean; either may be null. A row without contrast becomes 0 where c is 0 too. Thread
// safe.
void contrast_normalise(int64_t count, int64_t width, double constant, float* rows, float* mean,
                        float* deviation);
void contrast_restore(int64_t count, int64_t width, const float* mean, const float* deviation, float* rows);

// The same of samples that lie in columns: [features x columns], columns a multiple of kernels::kLanes. In
// single precision, for speed; the bits of a column depend on it alone.
void contrast_normalise_columns(int64_t features, int64_t columns, float constant, float* samples);

}  // namespace lockstep::analysis
