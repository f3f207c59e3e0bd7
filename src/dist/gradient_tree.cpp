#include "lockstep/dist/gradient_tree.h"

#include <algorithm>
#include <bit>

namespace lockstep::dist {

namespace {

// Whether two neighbours are the two halves of one node of a tree with so many leaves.
bool are_halves(Range left, Range right, int64_t leaves) {
  if (left.end != right.begin) return false;
  const int64_t width = left.size();
  if (!std::has_single_bit(static_cast<uint64_t>(width)) || left.begin % (2 * width) != 0) return false;
  return right.end == std::min(left.begin + 2 * width, leaves);
}

}  // namespace

int GradientTree::buffers_needed(int threads, const Plan& plan, int rank) {
  const Range run = plan.of_rank(rank);
  // With all that is handed out finished, the nodes of the run so far are left; a further buffer must be free
  // then.
  int64_t nodes = 0;
  for (int64_t end = run.begin; end < run.end; ++end) {
    const auto so_far = nodes_of({run.begin, end}, plan.microbatches());
    nodes = std::max(nodes, static_cast<int64_t>(so_far.size()));
  }
  return static_cast<int>(std::max<int64_t>(std::min(run.size(), nodes + threads), 1));
}

GradientTree::GradientTree(int64_t parameters, int buffers) : parameters_(parameters) {
  for (int i = 0; i < buffers; ++i) storage_.emplace_back(parameters);
}

void GradientTree::begin(const Plan& plan, int rank) {
  leaves_ = plan.microbatches();
  to_do_ = plan.of_rank(rank);
  partials_.clear();
  free_.clear();
  for (Buffer& buffer : storage_) free_.push_back(buffer.data());
}

void GradientTree::insert(Partial<float> partial) {
  const auto place = std::find_if(partials_.begin(), partials_.end(),
                                  [&](const auto& p) { return p.leaves.begin > partial.leaves.begin; });
  partials_.insert(place, partial);
}

std::optional<Leaf> GradientTree::next() {
  std::unique_lock lock(mutex_);
  while (to_do_.size() > 0 && free_.empty()) {
    if (!merge_one_pair(lock)) returned_.wait(lock);
  }
  if (to_do_.size() <= 0) return std::nullopt;
  float* buffer = free_.back();
  free_.pop_back();
  return Leaf{to_do_.begin++, buffer};
}

void GradientTree::add(const Leaf& leaf) {
  const std::lock_guard lock(mutex_);
  insert({{leaf.microbatch, leaf.microbatch + 1}, leaf.gradient});
  returned_.notify_all();
}

void GradientTree::cancel() {
  const std::lock_guard lock(mutex_);
  to_do_.begin = to_do_.end;
  returned_.notify_all();
}

bool GradientTree::merge_one_pair(std::unique_lock<std::mutex>& lock) {
  for (size_t i = 0; i + 1 < partials_.size(); ++i) {
    const Partial<float> left = partials_[i];
    const Partial<float> right = partials_[i + 1];
    if (!are_halves(left.leaves, right.leaves, leaves_)) continue;
    const auto at = partials_.begin() + static_cast<int64_t>(i);
    partials_.erase(at, at + 2);
    // Both buffers belong to this thread alone while the lock is open.
    lock.unlock();
    for (int64_t p = 0; p < parameters_; ++p) left.values[p] += right.values[p];
    lock.lock();
    insert({{left.leaves.begin, right.leaves.end}, left.values});
    free_.push_back(right.values);
    returned_.notify_all();
    return true;
  }
  return false;
}

}  // namespace lockstep::dist
