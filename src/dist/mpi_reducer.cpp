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

  void begin(GradientTree& tree, const Plan& plan) override {
    tree_ = &tree;
    plan_ = plan;
  }
  void advance() override {}
  void finish(const Consumer& consumer, float*) override {
    std::vector<Exchange> exchanges(buckets_.size());
    for (size_t b = 0; b < buckets_.size(); ++b) {
      for_each_piece(workers_, buckets_[b], [&](Range piece) { sum_here(piece); });
      exchanges[b].start(traffic_);
      exchanges[b].send(traffic_, group_.allreduce_sum(sum_.data() + buckets_[b].begin, buckets_[b].size()));
    }
    for (size_t b = 0; b < buckets_.size(); ++b) {
      exchanges[b].wait(traffic_);
      for_each_piece(workers_, buckets_[b], [&](Range piece) { consumer(piece, sum_.data() + piece.begin); });
    }
  }

  void abandon() override {}  // nothing is begun before finish()
  void share(Buffer&) override {}
  void share(GradientTree&) override {}
  void gather(float*) override {}
  bool has_gathered(int64_t) override { return true; }
  void await_gathered(int64_t, double) override {}
  bool all_own_all() const override { return true; }
  void for_each_owned(const std::function<void(Range)>& consumer) override {
    for_each_piece(workers_, {0, sum_.size()}, consumer);
  }
  void gather_blocks(std::vector<double>&) override {}
  comm::Request collect(float*) override { return {}; }
  double waited_seconds() const override { return traffic_.waited_seconds(); }
  double hidden_seconds() const override { return traffic_.hidden_seconds(); }

 private:
  void sum_here(Range piece) {
    float* sum = sum_.data() + piece.begin;
    std::fill_n(sum, piece.size(), 0.0f);
    const std::vector<Partial<float>> partials = tree_->partials();
    std::span<const Partial<float>> rest = partials;
    for (const Range node : nodes_of(plan_.of_rank(group_.rank()), plan_.microbatches())) {
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
  GradientTree* tree_ = nullptr;
  Plan plan_{0, 1, 1};
  Traffic traffic_{workers_};
};

}  // namespace

int64_t bucket_floats(int64_t kilobytes, int64_t parameters, int ranks) {
  constexpr int64_t kKilobyte = 1024 / static_cast<int64_t>(sizeof(float));
  if (kilobytes > 0) return kilobytes * kKilobyte;
  return std::max(std::min(parameters / 8, 4096 * kKilobyte), 16 * kKilobyte * ranks);
}

std::unique_ptr<Reducer> make_reducer(const std::string& kind, comm::Group& group, parallel::Workers& workers,
                                      int64_t parameters, int64_t bucket_floats) {
  if (kind == "mpi") return std::make_unique<MpiReducer>(group, workers, parameters, bucket_floats);
  return std::make_unique<OrderedReducer>(group, workers, parameters, bucket_floats);
}

int64_t reducer_floats(const std::string& kind, const Plan& plan, int rank, const Teams& teams,
                       int64_t parameters, int64_t bucket_floats) {
  if (kind == "mpi") return parameters;
  return BucketLayout(parameters, bucket_floats, plan.ranks()).floats(plan, rank, teams);
}

}  // namespace lockstep::dist
