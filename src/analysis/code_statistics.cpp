#include "lockstep/analysis/code_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lockstep/analysis/statistics.h"
#include "lockstep/core/digest.h"
#include "lockstep/kernels/linear_algebra.h"
#include "lockstep/nn/sub_network.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kBlock = 1024;

// Counts what does not need all samples at once.
class Counter {
 public:
  Counter(int64_t units, const Activity& activity)
      : activity_(activity), active_(static_cast<size_t>(units)), pattern_((active_.size() + 7) / 8) {}

  void add(int64_t count, const float* rows) {
    for (int64_t n = 0; n < count; ++n) add_row(rows + n * static_cast<int64_t>(active_.size()));
    samples_ += count;
  }

  CodeStatistics finish() const {
    CodeStatistics result;
    result.samples = samples_;
    result.units = static_cast<int64_t>(active_.size());
    result.distinct = static_cast<int64_t>(patterns_.size());
    const double values = static_cast<double>(samples_) * static_cast<double>(active_.size());
    result.mean = sum_ / values;
    for (const int64_t count : active_) {
      result.active += static_cast<double>(count) / values;
      result.silent += count == 0;
      result.pattern_correlation += entropy_of(count) + entropy_of(samples_ - count);
    }
    for (const auto& [digest, count] : patterns_) result.pattern_correlation -= entropy_of(count);
    // What rounding leaves of independent units.
    result.pattern_correlation = std::max(result.pattern_correlation, 0.0);
    return result;
  }

 private:
  void add_row(const float* row) {
    std::fill(pattern_.begin(), pattern_.end(), 0);
    for (size_t k = 0; k < active_.size(); ++k) {
      sum_ += static_cast<double>(row[k]);
      const float value = activity_.magnitude ? std::fabs(row[k]) : row[k];
      if (!(value > activity_.above)) continue;
      ++active_[k];
      pattern_[k / 8] |= static_cast<unsigned char>(1 << k % 8);
    }
    Digest digest;
    digest.add(pattern_.data(), pattern_.size());
    const std::string hex = digest.hex();
    ++patterns_[{std::stoull(hex.substr(0, 16), nullptr, 16), std::stoull(hex.substr(16), nullptr, 16)}];
  }

  // The part of what so many of the samples have in common.
  double entropy_of(int64_t count) const {
    const double share = static_cast<double>(count) / static_cast<double>(samples_);
    return count == 0 ? 0 : -share * std::log(share);
  }

  Activity activity_;
  int64_t samples_ = 0;
  double sum_ = 0;
  std::vector<int64_t> active_;  // a unit: in how many samples
  std::vector<unsigned char> pattern_;
  std::map<std::array<uint64_t, 2>, int64_t> patterns_;  // in order, for the sums
};

double gaussian_correlation(const Statistics& statistics) {
  const auto width = static_cast<size_t>(statistics.width);
  const auto& covariance = statistics.covariance;
  std::vector<size_t> vary;
  for (size_t i = 0; i < width; ++i) {
    if (covariance[i * width + i] > 0) vary.push_back(i);
  }
  std::vector<double> correlation;
  for (const size_t i : vary) {
    for (const size_t j : vary) {
      correlation.push_back(covariance[i * width + j] /
                            std::sqrt(covariance[i * width + i] * covariance[j * width + j]));
    }
  }
  if (vary.empty()) return 0;
  constexpr double kRounding = 1e-12;  // a unit's part of the smallest eigenvalue that is told from 0
  double sum = 0;
  for (const double value :
       kernels::symmetric_eigen(static_cast<int64_t>(vary.size()), correlation.data()).values) {
    if (value <= kRounding * static_cast<double>(vary.size())) return std::numeric_limits<double>::infinity();
    sum -= std::log(value) / 2;
  }
  return std::max(sum, 0.0);
}

}  // namespace

Activity activity_of(const nn::Network& network, int node) {
  const nn::Node& layer = network.nodes()[static_cast<size_t>(nn::stand_in(network, node))];
  if (layer.type == "winner") return {0.5f, false};
  const auto function = layer.layer->scalar_function();
  if (!function) return {};
  return {static_cast<float>(function->value(0)), layer.type == "soft-threshold"};
}

CodeStatistics code_statistics(const Team& team, int64_t count, int64_t units, const Activity& activity,
                               const ReadCodes& read) {
  Counter counter(units, activity);
  const auto read_and_count = [&](int64_t first, int64_t n, float* rows) {
    read(first, n, rows);
    counter.add(n, rows);
  };
  if (units <= kMostCorrelated) {
    const double correlation = gaussian_correlation(statistics_of(team, count, units, read_and_count));
    CodeStatistics result = counter.finish();
    result.gaussian_correlation = correlation;
    return result;
  }
  std::vector<float> rows(static_cast<size_t>(std::min(kBlock, count) * units));
  for (int64_t first = 0; first < count; first += kBlock) {
    comm::together(team.group, [&] { read_and_count(first, std::min(kBlock, count - first), rows.data()); });
  }
  return counter.finish();
}

CodeStatistics code_statistics(const Team& team, const Rows& codes, const Activity& activity) {
  return code_statistics(team, codes.count, codes.width, activity,
                         [&](int64_t first, int64_t count, float* rows) {
                           std::copy_n(codes.values.data() + first * codes.width, count * codes.width, rows);
                         });
}

}  // namespace lockstep::analysis
