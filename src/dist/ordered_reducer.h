// The reduction that keeps the promise: along the fixed tree, each rank for its slice of each bucket.
#pragma once

#include "lockstep/dist/reducer.h"
#include "waiting.h"

namespace lockstep::dist {

class OrderedReducer : public Reducer {
 public:
  OrderedReducer(comm::Group& group, parallel::Workers& workers, int64_t parameters, int64_t bucket_floats);

  void finish(const GradientTree& tree, const Plan& plan, const Consumer& consumer, float* gathered) override;
  void gather(float* values) override;
  void for_each_owned(const std::function<void(Range)>& consumer) override;
  void gather_blocks(std::vector<double>& values) override;
  void collect(const float* values, float* full) override;
  double waited_seconds() const override { return waiting_.seconds(); }
  // Floats of the buffers that finish() keeps for steps of this plan.
  static int64_t buffer_floats(const Plan& plan, int rank, int64_t parameters, int64_t bucket_floats);

 private:
  static std::vector<Range> cut(int64_t parameters, int64_t bucket_floats, int ranks);
  static Range slice_of(Range bucket, int rank, int ranks);
  static int64_t received_floats(const Plan& plan, int rank, Range bucket);
  static size_t under_way(const Plan& plan, int rank, const std::vector<Range>& buckets);

  // A node of this rank's run, and the partials that it is made of.
  struct LocalNode {
    Range leaves;
    std::span<const Partial<float>> partials;
  };
  std::vector<LocalNode> local_nodes(const GradientTree& tree, const Plan& plan) const;

  Range slice(Range bucket, int rank) const { return slice_of(bucket, rank, group_.size()); }
  void merge_for_others(const std::vector<LocalNode>& nodes, Range bucket);
  comm::Request send_nodes(const std::vector<LocalNode>& nodes, const Plan& plan, size_t bucket,
                           Buffer& received);
  void consume(const GradientTree& tree, const Plan& plan, size_t bucket, Buffer& received,
               const Consumer& consumer);
  comm::Request start_gather(Range bucket, float* values);

  comm::Group& group_;
  parallel::Workers& workers_;
  int64_t parameters_;
  std::vector<Range> buckets_;
  std::vector<Buffer>
      received_;  // a buffer a bucket under way: other ranks' nodes for this rank's slice, by rank
  Waiting waiting_{workers_};
};

// Calls task(piece) for consecutive pieces of a range, from several threads.
void for_each_piece(parallel::Workers& workers, Range range, const std::function<void(Range)>& task);

}  // namespace lockstep::dist
