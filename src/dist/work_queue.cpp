#include "lockstep/dist/work_queue.h"

#include <algorithm>

namespace lockstep::dist {

WorkQueue::WorkQueue(GradientTree& tree, const Sizes& sizes) : tree_(tree), sizes_(sizes) {
  for (int64_t slot = sizes.slots; slot-- > 0;) free_slots_.push_back(slot);
}

// Pieces first: they end branches, and so free slots.
std::optional<Work> WorkQueue::next(Timeline* timeline) {
  std::unique_lock lock(mutex_);
  while (!cancelled_) {
    if (auto piece = take_piece()) return piece;
    if (auto microbatch = take_microbatch()) return microbatch;
    const int under_way = static_cast<int>(open_.size()) + opening_;
    if (!exhausted_ && under_way < sizes_.branches) {
      open_one(lock, timeline);
      continue;
    }
    // Others' microbatches become work for this thread only where they end in pieces.
    if (exhausted_ && (under_way == 0 || sizes_.pieces.empty())) return std::nullopt;
    const Timed timed(timeline, Activity::kAwaitWork);
    ++waiting_;
    changed_.wait(lock);
    --waiting_;
  }
  return std::nullopt;
}

std::optional<Work> WorkQueue::next_piece() {
  const std::lock_guard lock(mutex_);
  if (waiting_ > 0 || pieces_under_way_ > 0) return std::nullopt;
  return take_piece();
}

// Whether every microbatch of the branch has left what its next piece needs.
bool WorkQueue::has_piece(const Open& open) const {
  if (static_cast<int64_t>(open.reached.size()) < open.branch.microbatches.size()) return false;
  if (open.pieces_handed_out == sizes_.pieces.size()) return false;
  return *std::min_element(open.reached.begin(), open.reached.end()) >= sizes_.pieces[open.pieces_handed_out];
}

std::optional<Work> WorkQueue::take_piece() {
  const auto open = std::find_if(open_.begin(), open_.end(), [&](const Open& o) { return has_piece(o); });
  if (cancelled_ || open == open_.end()) return std::nullopt;
  ++pieces_under_way_;
  Work work;
  work.branch = open->branch;
  work.piece = static_cast<int64_t>(open->pieces_handed_out++);
  work.slots = open->slots;
  return work;
}

std::optional<Work> WorkQueue::take_microbatch() {
  if (free_slots_.empty()) return std::nullopt;
  for (Open& open : open_) {
    const auto handed_out = static_cast<int64_t>(open.reached.size());
    if (handed_out == open.branch.microbatches.size()) continue;
    Work work;
    work.branch = open.branch;
    work.microbatch = open.branch.microbatches.begin + handed_out;
    work.slot = free_slots_.back();
    free_slots_.pop_back();
    open.slots.push_back(work.slot);
    open.reached.push_back(0);
    return work;
  }
  return std::nullopt;
}

// The tree may have to merge first, while others go on.
void WorkQueue::open_one(std::unique_lock<std::mutex>& lock, Timeline* timeline) {
  ++opening_;
  lock.unlock();
  const std::optional<Branch> branch = tree_.next(timeline);
  lock.lock();
  --opening_;
  if (branch) {
    Open open;
    open.branch = *branch;
    open.finished_pieces.resize(sizes_.pieces.size());
    open_.push_back(std::move(open));
  } else {
    exhausted_ = true;
  }
  changed_.notify_all();
}

WorkQueue::Open& WorkQueue::open_of(const Work& work) {
  return *std::find_if(open_.begin(), open_.end(),
                       [&](const Open& o) { return o.branch.microbatches == work.branch.microbatches; });
}

void WorkQueue::reached(const Work& microbatch, int64_t floats) {
  const std::lock_guard lock(mutex_);
  Open& open = open_of(microbatch);
  open.reached[static_cast<size_t>(microbatch.microbatch - open.branch.microbatches.begin)] = floats;
  if (has_piece(open)) changed_.notify_all();
}

void WorkQueue::done(const Work& work) {
  const std::lock_guard lock(mutex_);
  Open& open = open_of(work);
  if (work.piece < 0) {
    ++open.finished;
    open.reached[static_cast<size_t>(work.microbatch - open.branch.microbatches.begin)] = tree_.parameters();
  } else {
    --pieces_under_way_;
    finish_piece(open, static_cast<size_t>(work.piece));
  }
  const bool whole = open.finished == open.branch.microbatches.size();
  if (whole && open.pieces_finished == sizes_.pieces.size()) {
    free_slots_.insert(free_slots_.end(), open.slots.rbegin(), open.slots.rend());
    tree_.add(open.branch);
    open_.remove_if([&](const Open& o) { return &o == &open; });
    changed_.notify_all();
  } else if (has_piece(open)) {
    changed_.notify_all();
  }
}

void WorkQueue::finish_piece(Open& open, size_t piece) {
  ++open.pieces_finished;
  open.finished_pieces[piece] = true;
  const size_t before = open.pieces_in_order;
  size_t& in_order = open.pieces_in_order;
  while (in_order < open.finished_pieces.size() && open.finished_pieces[in_order]) ++in_order;
  if (in_order > before) tree_.reached(open.branch, sizes_.pieces[in_order - 1]);
}

void WorkQueue::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  tree_.cancel();
  changed_.notify_all();
}

}  // namespace lockstep::dist
