// How a minibatch is cut: into microbatches, whatever the ranks, and the microbatches into one run a rank.
#pragma once

#include <cstdint>

namespace lockstep::dist {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

class Plan {
 public:
  Plan(int64_t samples, int64_t microbatch, int ranks)
      : samples_(samples),
        microbatch_(microbatch),
        microbatches_((samples + microbatch - 1) / microbatch),
        ranks_(ranks) {}

  int64_t samples() const { return samples_; }
  int64_t microbatches() const { return microbatches_; }
  int ranks() const { return ranks_; }

  // The samples of a microbatch; the last may hold fewer.
  Range samples_of(int64_t microbatch) const {
    const int64_t begin = microbatch * microbatch_;
    return {begin, begin + microbatch_ < samples_ ? begin + microbatch_ : samples_};
  }

  // The microbatches of a rank: a contiguous run, as even as can be; empty for some where ranks are many.
  Range of_rank(int rank) const {
    return {rank * microbatches_ / ranks_, (rank + 1) * microbatches_ / ranks_};
  }

  int rank_of(int64_t microbatch) const {
    int rank = static_cast<int>(microbatch * ranks_ / microbatches_);
    while (microbatch >= of_rank(rank).end) ++rank;
    while (microbatch < of_rank(rank).begin) --rank;
    return rank;
  }

 private:
  int64_t samples_;
  int64_t microbatch_;
  int64_t microbatches_;
  int ranks_;
};

}  // namespace lockstep::dist
