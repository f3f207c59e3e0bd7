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

// The widest nodes of a run that cover no more than `width` leaves.
std::vector<Range> branches_of(Range run, int64_t leaves, int64_t width) {
  std::vector<Range> branches;
  for (const Range node : nodes_of(run, leaves)) {
    for (int64_t at = node.begin; at < node.end; at += width)
      branches.push_back({at, std::min(at + width, node.end)});
  }
  return branches;
}

}  // namespace

int GradientTree::buffers_needed(int branches, const Plan& plan, int rank, int64_t width) {
  const Range run = plan.of_rank(rank);
  const std::vector<Range> all = branches_of(run, plan.microbatches(), width);
  // With all that is handed out finished, the nodes of the run so far are left; a further buffer must be free
  // then.
  int nodes = 0;
  for (const Range& branch : all) {
    nodes = std::max(nodes, count_nodes({run.begin, branch.begin}, plan.microbatches()));
  }
  return std::max(std::min(static_cast<int>(all.size()), nodes + branches), 1);
}

GradientTree::GradientTree(int64_t parameters, int buffers, int64_t width)
    : parameters_(parameters), width_(width), buffers_(buffers), storage_(buffers * parameters) {}

void GradientTree::begin(const Plan& plan, int rank) {
  leaves_ = plan.microbatches();
  to_do_ = branches_of(plan.of_rank(rank), leaves_, width_);
  std::reverse(to_do_.begin(), to_do_.end());
  entries_.clear();
  cancelled_ = false;
  free_.clear();
  for (int b = 0; b < buffers_; ++b) free_.push_back(storage_.data() + b * parameters_);
}

void GradientTree::insert(const Entry& entry) {
  const auto place = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.partial.leaves.begin > entry.partial.leaves.begin;
  });
  entries_.insert(place, entry);
}

GradientTree::Entry& GradientTree::entry_of(const Branch& branch) {
  return *std::find_if(entries_.begin(), entries_.end(),
                       [&](const Entry& e) { return e.partial.leaves == branch.microbatches; });
}

std::optional<Branch> GradientTree::next(Timeline* timeline) {
  std::unique_lock lock(mutex_);
  while (!to_do_.empty() && free_.empty()) {
    if (merge_one_pair(lock, timeline)) continue;
    const Timed timed(timeline, Activity::kAwaitWork);
    returned_.wait(lock);
  }
  if (to_do_.empty()) return std::nullopt;
  const Branch branch{to_do_.back(), free_.back()};
  to_do_.pop_back();
  free_.pop_back();
  insert({{branch.microbatches, branch.gradient}, 0, false});
  return branch;
}

void GradientTree::reached(const Branch& branch, int64_t floats) {
  const std::lock_guard lock(mutex_);
  entry_of(branch).final_floats = floats;
}

void GradientTree::add(const Branch& branch) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entry_of(branch);
  entry.final_floats = parameters_;
  entry.is_back = true;
  returned_.notify_all();
}

void GradientTree::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  to_do_.clear();
  returned_.notify_all();
}

int64_t GradientTree::final_floats() const {
  const std::lock_guard lock(mutex_);
  if (!to_do_.empty() || merging_ > 0 || cancelled_) return 0;
  int64_t floats = parameters_;
  for (const Entry& entry : entries_) floats = std::min(floats, entry.final_floats);
  return floats;
}

std::vector<Partial<float>> GradientTree::partials() const {
  const std::lock_guard lock(mutex_);
  std::vector<Partial<float>> partials;
  for (const Entry& entry : entries_) partials.push_back(entry.partial);
  return partials;
}

bool GradientTree::merge_one_pair(std::unique_lock<std::mutex>& lock, Timeline* timeline) {
  for (size_t i = 0; i + 1 < entries_.size(); ++i) {
    const Partial<float> left = entries_[i].partial;
    const Partial<float> right = entries_[i + 1].partial;
    if (!entries_[i].is_back || !entries_[i + 1].is_back) continue;
    if (!are_halves(left.leaves, right.leaves, leaves_)) continue;
    const Timed timed(timeline, Activity::kMergeTree);
    const auto at = entries_.begin() + static_cast<int64_t>(i);
    entries_.erase(at, at + 2);
    ++merging_;
    // Both buffers belong to this thread alone while the lock is open.
    lock.unlock();
    for (int64_t p = 0; p < parameters_; ++p) left.values[p] += right.values[p];
    lock.lock();
    --merging_;
    insert({{{left.leaves.begin, right.leaves.end}, left.values}, parameters_, true});
    free_.push_back(right.values);
    returned_.notify_all();
    return true;
  }
  return false;
}

}  // namespace lockstep::dist
