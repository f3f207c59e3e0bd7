// How the parameters are cut into buckets, and who owns and receives what of them, in floats.
#pragma once

#include <vector>

#include "lockstep/dist/teams.h"

namespace lockstep::dist {

class BucketLayout {
 public:
  BucketLayout(int64_t parameters, int64_t bucket_floats, int ranks);

  const std::vector<Range>& buckets() const { return buckets_; }
  // What a rank owns of a bucket.
  Range slice(Range bucket, int rank) const;

  // What a rank receives of other teams for its slice of a bucket.
  int64_t received(const Plan& plan, int rank, const Teams& teams, Range bucket) const;
  // Buckets that are under way at once: as many as keep what a rank receives to the parameters' size. Runs of
  // microbatches that end inside the tree are several nodes.
  size_t slots(const Plan& plan, int rank, const Teams& teams) const;
  // All that a rank keeps for steps of this plan.
  int64_t floats(const Plan& plan, int rank, const Teams& teams) const;

 private:
  int ranks_;
  std::vector<Range> buckets_;
};

}  // namespace lockstep::dist
