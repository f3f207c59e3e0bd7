#include "bucket_layout.h"

#include <algorithm>
#include <numeric>

#include "lockstep/core/parameter_layout.h"
#include "lockstep/dist/tree.h"

namespace lockstep::dist {

namespace {

int64_t nodes(const Plan& plan, Range run) {
  return static_cast<int64_t>(nodes_of(run, plan.microbatches()).size());
}

}  // namespace

BucketLayout::BucketLayout(int64_t parameters, int64_t bucket_floats, int ranks) : ranks_(ranks) {
  // At least a block for each rank, or some would own nothing of a bucket while others wait for their larger
  // slice.
  const int64_t bucket = std::max(bucket_floats / kBlock, static_cast<int64_t>(ranks)) * kBlock;
  for (int64_t at = 0; at < parameters; at += bucket)
    buckets_.push_back({at, std::min(at + bucket, parameters)});
}

Range BucketLayout::slice(Range bucket, int rank) const {
  const int64_t blocks = bucket.size() / kBlock;
  return {bucket.begin + rank * blocks / ranks_ * kBlock,
          bucket.begin + (rank + 1) * blocks / ranks_ * kBlock};
}

int64_t BucketLayout::received(const Plan& plan, int rank, const Teams& teams, Range bucket) const {
  int64_t all = 0;
  for (int t = 0; t < teams.count(); ++t) {
    if (t != teams.team_of(rank)) all += nodes(plan, teams.run_of(plan, t));
  }
  return all * slice(bucket, rank).size();
}

// By the first bucket, which is the largest.
size_t BucketLayout::slots(const Plan& plan, int rank, const Teams& teams) const {
  const int64_t largest = received(plan, rank, teams, buckets_.front());
  return static_cast<size_t>(std::clamp<int64_t>(buckets_.back().end / std::max<int64_t>(largest, 1), 1,
                                                 static_cast<int64_t>(buckets_.size())));
}

int64_t BucketLayout::floats(const Plan& plan, int rank, const Teams& teams) const {
  std::vector<int64_t> slots_floats(slots(plan, rank, teams));
  for (size_t b = 0; b < buckets_.size(); ++b) {
    int64_t& floats = slots_floats[b % slots_floats.size()];
    floats = std::max(floats, received(plan, rank, teams, buckets_[b]));
  }
  return std::accumulate(slots_floats.begin(), slots_floats.end(), int64_t{0});
}

}  // namespace lockstep::dist
