// The reduction that keeps the promise: along the fixed tree, each rank for its slice of each bucket.
//
// The ranks of a team (teams.h) see each other's gradients, in memory that they share: each sums those of its
// microbatches for what it does not own, in place. One of them, chosen by rule, sums what the team has for a
// rank outside it, in place too, and sends that; parameters are in memory that they share, and new ones are
// sent to one rank of each team.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "bucket_layout.h"
#include "lockstep/dist/reducer.h"
#include "team_board.h"
#include "traffic.h"

namespace lockstep::dist {

class OrderedReducer : public Reducer {
 public:
  OrderedReducer(comm::Group& group, parallel::Workers& workers, int64_t parameters, int64_t bucket_floats);

  void begin(GradientTree& tree, const Plan& plan) override;
  void advance() override;
  void finish(const Consumer& consumer, float* gathered) override;
  void abandon() override;
  void share(Buffer& values) override;
  void share(GradientTree& tree) override;
  void gather(float* values) override;
  bool has_gathered(int64_t from) override;
  void await_gathered(int64_t from, double share) override;
  bool all_own_all() const override { return false; }
  void for_each_owned(const std::function<void(Range)>& consumer) override;
  void gather_blocks(std::vector<double>& values) override;
  comm::Request collect(float* values) override;
  double waited_seconds() const override { return traffic_.waited_seconds(); }
  double hidden_seconds() const override { return traffic_.hidden_seconds(); }

 private:
  // A node of this rank's run, and the partials that it is made of.
  struct LocalNode {
    Range leaves;
    std::vector<Partial<float>> partials;
  };
  // Where its sum is made of them, for what others own.
  static float* sum_of(const LocalNode& node) { return node.partials[0].values; }
  // One step's reduction.
  struct Step {
    GradientTree& tree;
    Plan plan;
    size_t slots;                  // buckets that may be under way at once
    std::vector<LocalNode> nodes;  // once something is final
    // Buckets, in their order:
    size_t expected = 0;  // whose receives are posted,
    size_t shown = 0;     // whose sums the team sees,
    size_t sent = 0;      // of which this rank has sent what it sends for the team,
    size_t over = 0;      // that are over, as far as advance() has seen
    std::vector<Exchange> exchanges;
  };
  // What completes the shared vector, from its last bucket to its first.
  struct Gather {
    float* values = nullptr;
    std::vector<Exchange> exchanges;
    size_t sent = 0;      // of which this rank has sent what it owns,
    size_t placed = 0;    // of which this rank has what it gets for the team,
    size_t complete = 0;  // of which the whole team has
    uint64_t before = 0;  // of all gathers before
  };
  // Calls task(piece) for pieces of a range.
  using ForEachPiece = std::function<void(Range range, const std::function<void(Range)>& task)>;

  const std::vector<Range>& buckets() const { return layout_.buckets(); }
  Range slice(Range bucket, int rank) const { return layout_.slice(bucket, rank); }
  int team() const { return teams_->team_of(group_.rank()); }
  Range members() const { return teams_->own(group_.rank()); }
  bool in_team(int rank) const { return teams_->team_of(rank) == team(); }

  void open();
  std::vector<Range> nodes_of_rank(int rank) const;
  std::vector<Range> nodes_of_team(int team) const;
  std::vector<LocalNode> local_nodes() const;
  void show_nodes(std::vector<LocalNode> nodes);
  void add_shown(int64_t member, int64_t parameter, std::vector<Partial<float>>& partials) const;
  std::vector<Partial<float>> all_partials(size_t bucket);
  bool may_send() const;
  void expect_next();
  void show_next(const ForEachPiece& for_each);
  void send_next(const ForEachPiece& for_each);
  // Waits for others of the team, and lets MPI go on meanwhile.
  void wait_for(const std::function<bool()>& ready);
  void wait_for_readers();
  void poll_until(const std::function<bool()>& ready);
  // Waits for bucket after bucket, in their order.
  void run_out(const std::function<void(size_t bucket)>& arrived);
  void consume(size_t bucket, const Consumer& consumer);
  comm::Request receive_gathered(Range bucket);
  comm::Request send_gathered(Range bucket);
  void go_on_gathering();

  comm::Group& group_;
  parallel::Workers& workers_;
  int64_t parameters_;
  BucketLayout layout_;
  std::optional<Teams> teams_;      // once anything is shared
  std::optional<TeamBoard> board_;  // likewise
  // A buffer a bucket under way: other teams' nodes for this rank's slice, by team.
  std::vector<Buffer> received_;
  std::mutex mutex_;  // of what follows, while gradients are computed
  std::optional<Step> step_;
  uint64_t reduced_ = 0;  // buckets of earlier steps
  Gather gather_;
  std::atomic<int64_t> complete_from_ = 0;  // floats: where what gather_ has completed begins
  Traffic traffic_{workers_};
};

// Calls task(piece) for consecutive pieces of a range, from several threads.
void for_each_piece(parallel::Workers& workers, Range range, const std::function<void(Range)>& task);

}  // namespace lockstep::dist
