// How a minibatch is cut: into microbatches, whatever the ranks, and the microbatches into one run a rank.
#pragma once

#include <bit>
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

  // The microbatches of a rank: a contiguous run; empty for some where ranks are many. Runs are as even as
  // can be, but for a sixteenth part: long ones start at a multiple of a power of two, so that they are
  // made of few whole nodes of the tree, which keeps down what is stored and sent.
  Range of_rank(int rank) const { return {first_of(rank), first_of(rank + 1)}; }

  int rank_of(int64_t microbatch) const {
    int rank = static_cast<int>(microbatch * ranks_ / microbatches_);
    while (microbatch >= of_rank(rank).end) ++rank;
    while (microbatch < of_rank(rank).begin) --rank;
    return rank;
  }

 private:
  int64_t first_of(int rank) const {
    if (rank == ranks_) return microbatches_;
    const int64_t even = rank * microbatches_ / ranks_;
    const int64_t sixteenth = microbatches_ / ranks_ / 16;
    const int64_t granule =
        sixteenth > 1 ? static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(sixteenth))) : 1;
    return (even + granule / 2) / granule * granule;
  }

  int64_t samples_;
  int64_t microbatch_;
  int64_t microbatches_;
  int ranks_;
};

}  // namespace lockstep::dist
