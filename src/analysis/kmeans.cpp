#include "lockstep/analysis/kmeans.h"

#include <algorithm>
#include <array>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/buffer.h"
#include "lockstep/core/error.h"
#include "lockstep/core/random.h"
#include "lockstep/kernels/centres.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kGroup = 128;  // samples that are scored at once
static_assert(kGroup % kernels::kLanes == 0);

int64_t groups_of(const Rows& samples) { return (samples.count + kGroup - 1) / kGroup; }
int64_t group_size(const Rows& samples, int64_t group) {
  return std::min(kGroup, samples.count - group * kGroup);
}

// 0 for equal samples and for no others.
double squared_distance(const float* a, const float* b, int64_t width) {
  constexpr int64_t kSums = 8;
  std::array<double, kSums> sums{};
  int64_t i = 0;
  for (; i + kSums <= width; i += kSums) {
    for (int64_t l = 0; l < kSums; ++l) {
      const double difference = static_cast<double>(a[i + l]) - static_cast<double>(b[i + l]);
      sums[static_cast<size_t>(l)] += difference * difference;
    }
  }
  for (; i < width; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sums[0] += difference * difference;
  }
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

// The sample that a uniform number picks, each with a probability proportional to its weight.
int64_t pick(const std::vector<double>& weights, double total, double uniform) {
  double left = uniform * total;
  int64_t last = 0;
  for (size_t n = 0; n < weights.size(); ++n) {
    if (weights[n] == 0) continue;
    last = static_cast<int64_t>(n);
    left -= weights[n];
    if (left < 0) break;
  }
  return last;
}

// What every rank finds at the same place.
[[noreturn]] void refuse(int64_t centres, const std::string& samples) {
  throw comm::AgreedError(
      text("K-means: ", centres, " centres are more than there are ", samples, "; take that many or fewer"),
      Failure::kUsage);
}

double uniform_double(RandomStream& stream) {
  const uint64_t high = stream.word() >> 5;
  const uint64_t low = stream.word() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1p-53;
}

// Samples by centre: those of centre k are list[begin[k]] to before list[begin[k + 1]], in order.
struct Members {
  std::vector<size_t> begin;
  std::vector<int64_t> list;

  Members(const std::vector<Nearest>& nearest, int64_t centres)
      : begin(static_cast<size_t>(centres) + 1), list(nearest.size()) {
    for (const Nearest& n : nearest) ++begin[static_cast<size_t>(n.centre) + 1];
    for (size_t k = 1; k < begin.size(); ++k) begin[k] += begin[k - 1];
    std::vector<size_t> next = begin;
    for (size_t n = 0; n < nearest.size(); ++n) {
      list[next[static_cast<size_t>(nearest[n].centre)]++] = static_cast<int64_t>(n);
    }
  }
  std::span<const int64_t> of(size_t centre) const {
    return std::span(list).subspan(begin[centre], begin[centre + 1] - begin[centre]);
  }
};

std::vector<float> means(const Team& team, const Rows& samples, const Members& members) {
  const int64_t count = static_cast<int64_t>(members.begin.size()) - 1;
  return share<float>(team, count, samples.width, [&](int64_t centre, int, std::span<float> mean) {
    const std::span<const int64_t> mine = members.of(static_cast<size_t>(centre));
    std::vector<double> sums(mean.size());
    for (const int64_t sample : mine) {
      const std::span<const float> row = samples.row(sample);
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(row[i]);
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      mean[i] = static_cast<float>(sums[i] / static_cast<double>(mine.size()));
    }
  });
}

// Gives a sample to each centre that has none; returns how many these were.
int64_t reseed(std::vector<Nearest>& nearest, int64_t centres) {
  std::vector<int64_t> counts(static_cast<size_t>(centres));
  for (const Nearest& n : nearest) ++counts[static_cast<size_t>(n.centre)];
  int64_t reseeded = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] > 0) continue;
    Nearest* farthest = nullptr;
    for (Nearest& n : nearest) {
      const bool alone = counts[static_cast<size_t>(n.centre)] == 1;
      if (!alone && (farthest == nullptr || n.squared > farthest->squared)) farthest = &n;
    }
    if (farthest == nullptr) refuse(centres, text("samples (", nearest.size(), ")"));
    --counts[static_cast<size_t>(farthest->centre)];
    *farthest = {0, static_cast<int64_t>(k)};
    counts[k] = 1;
    ++reseeded;
  }
  return reseeded;
}

int64_t moves(const std::vector<Nearest>& before, const std::vector<Nearest>& after) {
  int64_t moved = 0;
  for (size_t n = 0; n < before.size(); ++n) moved += before[n].centre == after[n].centre ? 0 : 1;
  return moved;
}

}  // namespace

Assignment assign(const Team& team, const Rows& samples, std::span<const float> centres) {
  const int64_t width = samples.width;
  const int64_t count = static_cast<int64_t>(centres.size()) / width;
  std::vector<float> offsets(static_cast<size_t>(count));
  kernels::centre_offsets(count, width, centres.data(), offsets.data());
  std::vector<Buffer> scores;  // centres x kGroup, one a thread
  for (int t = 0; t < team.workers.threads(); ++t) scores.emplace_back(count * kGroup);

  Assignment result;
  result.nearest = share<Nearest>(
      team, groups_of(samples), kGroup, [&](int64_t group, int slot, std::span<Nearest> nearest) {
        float* s = scores[static_cast<size_t>(slot)].data();
        const float* rows = samples.values.data() + group * kGroup * width;
        const int64_t n = group_size(samples, group);
        kernels::gemm(kernels::Transpose::kNo, kernels::Transpose::kYes, count, n, width, centres.data(),
                      width, rows, width, 0, s, kGroup);
        kernels::add_to_rows(count, n, offsets.data(), s, kGroup);
        for (int64_t first = 0; first < n; first += kernels::kLanes) {
          const kernels::Winners found = kernels::winners(count, s + first, kGroup);
          for (int64_t i = first; i < std::min(n, first + kernels::kLanes); ++i) {
            const int64_t centre = found.row[static_cast<size_t>(i - first)];
            nearest[static_cast<size_t>(i)] = {
                squared_distance(rows + i * width, centres.data() + centre * width, width), centre};
          }
        }
      });
  result.nearest.resize(static_cast<size_t>(samples.count));
  for (const Nearest& n : result.nearest) result.inertia += n.squared;
  return result;
}

std::vector<float> spread_centres(const Team& team, const Rows& samples, int64_t count, uint64_t seed) {
  if (count > samples.count) refuse(count, text("samples (", samples.count, ")"));
  std::vector<double> weights(static_cast<size_t>(samples.count), 1.0);  // squared distances, later
  std::vector<float> centres;
  for (int64_t k = 0; k < count; ++k) {
    double total = 0;
    for (const double weight : weights) total += weight;
    if (total == 0) refuse(count, text("distinct samples (", k, " among ", samples.count, ")"));
    RandomStream stream(seed, Purpose::kCentres, static_cast<uint32_t>(k));
    const auto chosen = samples.row(pick(weights, total, uniform_double(stream)));
    centres.insert(centres.end(), chosen.begin(), chosen.end());
    weights =
        share<double>(team, groups_of(samples), kGroup, [&](int64_t group, int, std::span<double> squared) {
          for (int64_t i = 0; i < group_size(samples, group); ++i) {
            const int64_t n = group * kGroup + i;
            const double distance = squared_distance(samples.row(n).data(), chosen.data(), samples.width);
            squared[static_cast<size_t>(i)] =
                k == 0 ? distance : std::min(distance, weights[static_cast<size_t>(n)]);
          }
        });
    weights.resize(static_cast<size_t>(samples.count));
  }
  return centres;
}

KMeans k_means(const Team& team, const Rows& samples, std::vector<float> start, int64_t iterations,
               const std::function<void(const KMeansStep&)>& watch) {
  const int64_t count = static_cast<int64_t>(start.size()) / samples.width;
  KMeans result;
  result.centres = std::move(start);
  Assignment now = assign(team, samples, result.centres);
  result.inertia.push_back(now.inertia);
  if (watch) watch({0, now.inertia, 0, 0});
  for (int64_t iteration = 1; iteration <= iterations && !result.converged; ++iteration) {
    std::vector<Nearest> members = now.nearest;
    const int64_t reseeded = reseed(members, count);
    std::vector<float> centres = means(team, samples, Members(members, count));
    Assignment next = assign(team, samples, centres);
    result.converged = next.inertia >= now.inertia;
    if (result.converged) break;
    if (watch) watch({iteration, next.inertia, moves(now.nearest, next.nearest), reseeded});
    result.centres = std::move(centres);
    result.inertia.push_back(next.inertia);
    now = std::move(next);
  }
  return result;
}

}  // namespace lockstep::analysis
