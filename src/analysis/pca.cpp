#include "lockstep/analysis/pca.h"

#include <algorithm>

#include "lockstep/dist/tree.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kRows = 256;    // a leaf of the tree
constexpr int64_t kBlock = 8192;  // fetched at once

// Of `count` rows.
double squared_error(const std::vector<double>& mean, const std::vector<double>& vectors, int64_t components,
                     int64_t count, const float* rows) {
  const int64_t width = static_cast<int64_t>(mean.size());
  std::vector<double> centred(static_cast<size_t>(width * count));  // a sample a column
  for (int64_t n = 0; n < count; ++n) {
    for (int64_t i = 0; i < width; ++i)
      centred[static_cast<size_t>(i * count + n)] = rows[n * width + i] - mean[static_cast<size_t>(i)];
  }
  std::vector<double> code(static_cast<size_t>(components * count));
  std::vector<double> projected(centred.size());
  kernels::multiply(false, components, count, width, vectors.data(), centred.data(), code.data());
  kernels::multiply(true, width, count, components, vectors.data(), code.data(), projected.data());
  double sum = 0;
  for (size_t i = 0; i < centred.size(); ++i) {
    const double lost = centred[i] - projected[i];
    sum += lost * lost;
  }
  return sum;
}

}  // namespace

double projection_error(const Team& team, const SampleSource& source, const std::vector<double>& mean,
                        const std::vector<double>& vectors, int64_t components) {
  std::vector<double> leaves;
  for (int64_t first = 0; first < source.count(); first += kBlock) {
    const int64_t count = std::min(kBlock, source.count() - first);
    SampleSource::Block block;
    comm::together(team.group, [&] { block = source.fetch(first, count); });
    const auto sums =
        share<double>(team, (count + kRows - 1) / kRows, 1, [&](int64_t i, int, std::span<double> sum) {
          const int64_t n = std::min(kRows, count - i * kRows);
          std::vector<float> rows(static_cast<size_t>(n * source.width()));
          block.copy(first + i * kRows, n, rows.data());
          sum[0] = squared_error(mean, vectors, components, n, rows.data());
        });
    leaves.insert(leaves.end(), sums.begin(), sums.end());
  }
  return dist::sum_leaves(leaves, 1)[0] / static_cast<double>(source.count());
}

}  // namespace lockstep::analysis
