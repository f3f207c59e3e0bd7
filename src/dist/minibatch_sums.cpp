#include "lockstep/dist/minibatch_sums.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lockstep/dist/tree.h"

namespace lockstep::dist {

MinibatchSums::MinibatchSums(comm::Group& group, const parallel::Workers& workers,
                             std::vector<int64_t> widths, std::function<void(bool begins)> waits)
    : group_(group), workers_(workers), widths_(std::move(widths)), waits_(std::move(waits)) {
  next_ = widths_.size();
}

void MinibatchSums::begin(const Plan& plan) {
  plan_ = plan;
  next_ = 0;
  first_not_finite_.reset();
}

std::optional<std::vector<double>> MinibatchSums::sum(std::span<const double> terms) {
  const size_t width = static_cast<size_t>(widths_[next_]);
  const std::vector<double> leaves = gather(false, terms);
  if (leaves.empty()) return std::nullopt;
  const auto bad = std::find_if(leaves.begin(), leaves.end(), [](double x) { return !std::isfinite(x); });
  if (bad != leaves.end() && !first_not_finite_)
    first_not_finite_ = static_cast<int64_t>(static_cast<size_t>(bad - leaves.begin()) / width);
  return sum_leaves(leaves, static_cast<int64_t>(width));
}

void MinibatchSums::leave() {
  if (next_ == widths_.size()) return;
  const int64_t mine = plan_->of_rank(group_.rank()).size();
  gather(true, std::vector<double>(static_cast<size_t>(mine * widths_[next_])));
}

// The terms of all microbatches; empty where a rank leaves.
std::vector<double> MinibatchSums::gather(bool leaves, std::span<const double> terms) {
  const int64_t width = widths_[next_];
  std::vector<double> mine = {leaves ? 1.0 : 0.0};
  mine.insert(mine.end(), terms.begin(), terms.end());
  std::vector<uint64_t> bytes;
  for (int r = 0; r < group_.size(); ++r)
    bytes.push_back(static_cast<uint64_t>(1 + plan_->of_rank(r).size() * width) * sizeof(double));
  std::vector<double> all(bytes.size() + static_cast<size_t>(plan_->microbatches() * width));
  {
    const Timed timed(workers_.timeline(), Activity::kAwaitRanks);
    const auto start = std::chrono::steady_clock::now();
    if (waits_) waits_(true);
    group_.allgather(mine.data(), bytes, all.data());
    if (waits_) waits_(false);
    waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::vector<double> result;
  auto next = all.cbegin();
  for (const uint64_t count : bytes) {
    const auto end = next + static_cast<int64_t>(count / sizeof(double));
    leaves = leaves || *next != 0;
    result.insert(result.end(), next + 1, end);
    next = end;
  }
  next_ = leaves ? widths_.size() : next_ + 1;
  return leaves ? std::vector<double>() : result;
}

}  // namespace lockstep::dist
