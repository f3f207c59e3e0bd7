// The plain allreduce, for comparison: MPI chooses the order of summation, so bits change with the ranks.
#include <algorithm>
#include <array>

#include "ordered_reducer.h"

namespace lockstep::dist {

namespace {

class MpiReducer : public Reducer {
 public:
  MpiReducer(comm::Group& group, parallel::Workers& workers, int64_t parameters, int64_t bucket_floats)
      : group_(group), workers_(workers), sum_(parameters) {
    for (int64_t at = 0; at < parameters; at += bucket_floats) {
      buckets_.push_back({at, std::min(at + bucket_floats, parameters)});
    }
  }

  void finish(const GradientTree& tree, const Plan& plan, const Consumer& consumer, float*) override {
    std::vector<comm::Request> requests;
    for (const Range bucket : buckets_) {
      for_each_piece(workers_, bucket, [&](Range piece) { sum_here(tree, plan, piece); });
      requests.push_back(group_.allreduce_sum(sum_.data() + bucket.begin, bucket.size()));
    }
    for (size_t b = 0; b < buckets_.size(); ++b) {
      waiting_.during([&] { requests[b].wait(); });
      for_each_piece(workers_, buckets_[b], [&](Range piece) { consumer(piece, sum_.data() + piece.begin); });
    }
  }

  void gather(float*) override {}
  void for_each_owned(const std::function<void(Range)>& consumer) override {
    for_each_piece(workers_, {0, sum_.size()}, consumer);
  }
  void gather_blocks(std::vector<double>&) override {}
  void collect(const float* values, float* full) override {
    if (group_.rank() == 0) std::copy_n(values, sum_.size(), full);
  }
  double waited_seconds() const override { return waiting_.seconds(); }

 private:
  void sum_here(const GradientTree& tree, const Plan& plan, Range piece) {
    float* sum = sum_.data() + piece.begin;
    std::fill_n(sum, piece.size(), 0.0f);
    std::span<const Partial<float>> rest = tree.partials();
    for (const Range node : nodes_of(plan.of_rank(group_.rank()), plan.microbatches())) {
      size_t count = 0;
      while (count < rest.size() && rest[count].leaves.end <= node.end) ++count;
      float* first = rest[0].values + piece.begin;
      sum_node(node, rest.first(count), piece.begin, piece.size(), first);
      for (int64_t i = 0; i < piece.size(); ++i) sum[i] += first[i];
      rest = rest.subspan(count);
    }
  }

  comm::Group& group_;
  parallel::Workers& workers_;
  std::vector<Range> buckets_;
  Buffer sum_;
  Waiting waiting_{workers_};
};

}  // namespace

std::unique_ptr<Reducer> make_reducer(const std::string& kind, comm::Group& group, parallel::Workers& workers,
                                      int64_t parameters, int64_t bucket_floats) {
  if (kind == "mpi") return std::make_unique<MpiReducer>(group, workers, parameters, bucket_floats);
  return std::make_unique<OrderedReducer>(group, workers, parameters, bucket_floats);
}

int64_t reducer_floats(const std::string& kind, const Plan& plan, int rank, int64_t parameters,
                       int64_t bucket_floats) {
  if (kind == "mpi") return parameters;
  return OrderedReducer::buffer_floats(plan, rank, parameters, bucket_floats);
}

}  // namespace lockstep::dist
