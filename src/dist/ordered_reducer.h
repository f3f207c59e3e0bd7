// The reduction that keeps the promise: along the fixed tree, each rank for its slice of each bucket.
#pragma once

#include <mutex>
#include <optional>

#include "lockstep/dist/reducer.h"
#include "traffic.h"

namespace lockstep::dist {

class OrderedReducer : public Reducer {
 public:
  OrderedReducer(comm::Group& group, parallel::Workers& workers, int64_t parameters, int64_t bucket_floats);

  void begin(GradientTree& tree, const Plan& plan) override;
  void advance() override;
  void finish(const Consumer& consumer, float* gathered) override;
  void abandon() override;
  void gather(float* values) override;
  void for_each_owned(const std::function<void(Range)>& consumer) override;
  void gather_blocks(std::vector<double>& values) override;
  comm::Request collect(float* values) override;
  double waited_seconds() const override { return traffic_.waited_seconds(); }
  double hidden_seconds() const override { return traffic_.hidden_seconds(); }
  // Floats of the buffers that a step of this plan takes.
  static int64_t buffer_floats(const Plan& plan, int rank, int64_t parameters, int64_t bucket_floats);

 private:
  static std::vector<Range> cut(int64_t parameters, int64_t bucket_floats, int ranks);
  static Range slice_of(Range bucket, int rank, int ranks);
  static int64_t received_floats(const Plan& plan, int rank, Range bucket);
  static size_t under_way(const Plan& plan, int rank, const std::vector<Range>& buckets);

  // A node of this rank's run, and the partials that it is made of.
  struct LocalNode {
    Range leaves;
    std::vector<Partial<float>> partials;
  };
  // One step's reduction.
  struct Step {
    GradientTree& tree;
    Plan plan;
    size_t slots;                  // buckets that may be under way at once
    std::vector<LocalNode> nodes;  // once something is final
    size_t expected = 0;           // buckets, in their order, whose receives are posted
    size_t sent = 0;
    size_t over = 0;  // as far as advance() has seen
    std::vector<Exchange> exchanges;
  };
  // Calls task(piece) for pieces of a range.
  using ForEachPiece = std::function<void(Range range, const std::function<void(Range)>& task)>;

  Range slice(Range bucket, int rank) const { return slice_of(bucket, rank, group_.size()); }
  std::vector<LocalNode> local_nodes() const;
  void expect_next();
  void send_next(const ForEachPiece& for_each);
  void merge_for_others(Range bucket, const ForEachPiece& for_each);
  // Waits for bucket after bucket, in their order.
  void run_out(const std::function<void(size_t bucket)>& arrived);
  void consume(size_t bucket, const Consumer& consumer);
  Exchange start_gather(Range bucket, float* values);

  comm::Group& group_;
  parallel::Workers& workers_;
  int64_t parameters_;
  std::vector<Range> buckets_;
  // A buffer a bucket under way: other ranks' nodes for this rank's slice, by rank.
  std::vector<Buffer> received_;
  std::mutex mutex_;  // of the step and the traffic, while gradients are computed
  std::optional<Step> step_;
  Traffic traffic_{workers_};
};

// Calls task(piece) for consecutive pieces of a range, from several threads.
void for_each_piece(parallel::Workers& workers, Range range, const std::function<void(Range)>& task);

}  // namespace lockstep::dist
