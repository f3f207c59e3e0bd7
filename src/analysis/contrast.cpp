#include "lockstep/analysis/contrast.h"

#include <cmath>

#include "lockstep/kernels/vector.h"

namespace lockstep::analysis {

namespace {

using kernels::kLanes;
using kernels::Vector;

struct Moments {
  double mean;
  double variance;
};

Moments moments_of(int64_t width, const float* row) {
  const double n = static_cast<double>(width);
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += static_cast<double>(row[i]);
  const double mean = sum / n;
  double squares = 0;
  for (int64_t i = 0; i < width; ++i) squares += (row[i] - mean) * (row[i] - mean);
  return {mean, squares / n};
}

Vector square_root(Vector v) {
  for (int64_t l = 0; l < kLanes; ++l) v[l] = std::sqrt(v[l]);
  return v;
}

}  // namespace

double contrast_of_values(const io::DatasetInfo& info, double constant) {
  return constant * info.scale * info.scale;
}

void contrast_normalise(int64_t count, int64_t width, double constant, float* rows, float* mean,
                        float* deviation) {
  for (int64_t n = 0; n < count; ++n) {
    float* row = rows + n * width;
    const Moments found = moments_of(width, row);
    const double root = std::sqrt(found.variance + constant);
    const double factor = root > 0 ? 1 / root : 0;
    for (int64_t i = 0; i < width; ++i) row[i] = static_cast<float>((row[i] - found.mean) * factor);
    if (mean != nullptr) mean[n] = static_cast<float>(found.mean);
    if (deviation != nullptr) deviation[n] = static_cast<float>(root);
  }
}

void contrast_restore(int64_t count, int64_t width, const float* mean, const float* deviation, float* rows) {
  for (int64_t n = 0; n < count; ++n) {
    float* row = rows + n * width;
    for (int64_t i = 0; i < width; ++i) row[i] = row[i] * deviation[n] + mean[n];
  }
}

void contrast_normalise_columns(int64_t features, int64_t columns, float constant, float* samples) {
  const float share = 1.0f / static_cast<float>(features);
  for (int64_t n = 0; n < columns; n += kLanes) {
    float* const column = samples + n;
    Vector mean{};
    for (int64_t f = 0; f < features; ++f) mean += kernels::load(column + f * columns);
    mean *= share;
    Vector variance{};
    for (int64_t f = 0; f < features; ++f) {
      const Vector distance = kernels::load(column + f * columns) - mean;
      variance += distance * distance;
    }
    const Vector deviation = square_root(variance * share + constant);
    Vector factor;
    for (int64_t l = 0; l < kLanes; ++l) factor[l] = deviation[l] > 0 ? 1 / deviation[l] : 0;
    for (int64_t f = 0; f < features; ++f)
      kernels::store((kernels::load(column + f * columns) - mean) * factor, column + f * columns);
  }
}

}  // namespace lockstep::analysis
