// Training steps of many ranks under SimGrid's SMPI: the project's own reduction, over its own MPI group, on
// ranks whose computing is time that passes as scaling_profile has measured it. What is sent, when, in which
// order and to whom is the trainer's; values are none.
//
//   smpirun -np RANKS ... simulated_step PROFILE BATCH REDUCTION CORES STEPS
//
// CORES: a rank stands for so many threads, which take its microbatches so many at a time. Prints, of rank 0
// and a step: seconds, seconds of them with microbatches, seconds with sums and updates. The rest is waited
// for.
#include <simgrid/actor.h>
#include <simgrid/engine.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/dist/reducer.h"

namespace {

using namespace lockstep;

struct Moment {
  double seconds;
  int64_t from;
  int64_t floats;
};

struct Profile {
  int64_t floats = 0;
  int64_t width = 1;
  int64_t microbatch = 1;
  double sum_seconds = 0;
  double update_seconds = 0;
  std::map<int64_t, std::vector<Moment>> passes;  // by microbatches

  explicit Profile(const std::string& path);
};

Profile::Profile(const std::string& path) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    if (word == "floats") file >> floats;
    if (word == "width") file >> width;
    if (word == "microbatch") file >> microbatch;
    if (word == "sum_seconds") file >> sum_seconds;
    if (word == "update_seconds") file >> update_seconds;
    if (word != "pass") continue;
    int64_t microbatches = 0;
    size_t moments = 0;
    file >> microbatches >> moments;
    std::vector<Moment>& pass = passes[microbatches];
    pass.resize(moments);
    for (Moment& moment : pass) file >> moment.seconds >> moment.from >> moment.floats;
  }
  if (floats == 0 || passes.empty()) fail_usage(path, ": no profile; expected what scaling_profile writes");
}

struct Job {
  const Profile& profile;
  int64_t batch;
  std::string reduction;
  int64_t cores;
};

class SimulatedRank {
 public:
  SimulatedRank(const Job& job, comm::Group& group)
      : job_(job),
        group_(group),
        plan_(job.batch, job.profile.microbatch, group.size()),
        mine_(plan_.of_rank(group.rank())),
        tree_(job.profile.floats,
              // Of one branch more than there are threads: see open_branches().
              dist::GradientTree::buffers_needed(static_cast<int>(job.cores) + 1, plan_, group.rank(),
                                                 job.profile.width),
              job.profile.width),
        reducer_(dist::make_reducer(job.reduction, group, workers_, job.profile.floats,
                                    dist::bucket_floats(0, job.profile.floats, group.size()))),
        parameters_(job.profile.floats) {
    reducer_->share(parameters_);
    reducer_->share(tree_);  // which takes memory where a node has several ranks
    for (int r = 0; r < group.size(); ++r) {
      partials_ += static_cast<int64_t>(dist::nodes_of(plan_.of_rank(r), plan_.microbatches()).size());
    }
  }

  // As Trainer::train_step has it.
  void step() {
    tree_.begin(plan_, group_.rank());
    reducer_->begin(tree_, plan_);
    compute();
    reducer_->await_gathered(0);
    agree();
    reducer_->finish([&](dist::Range range, const float*) { update(range.size()); }, parameters_.data());
  }

  void end() { reducer_->await_gathered(0); }

  double computed_seconds() const { return computed_; }
  double summed_seconds() const { return summed_; }

 private:
  // Engine::train(), whose last branches become final part by part.
  void compute() {
    const std::vector<dist::Branch> last = open_branches();
    if (last.empty()) return;
    const int64_t waves = (mine_.size() + job_.cores - 1) / job_.cores;
    const auto pass = job_.profile.passes.find(waves);
    if (pass == job_.profile.passes.end()) fail_usage("the profile has no pass of ", waves, " microbatches");
    double at = 0;
    int64_t final_floats = 0;
    for (const Moment& moment : pass->second) {
      spend(moment.seconds - at, computed_);
      at = moment.seconds;
      if (!reducer_->has_gathered(moment.from)) reducer_->await_gathered(moment.from);
      if (moment.floats > final_floats) {
        merge(moment.floats - final_floats);
        final_floats = moment.floats;
        for (const dist::Branch& branch : last) tree_.reached(branch, final_floats);
      }
      reducer_->advance();
    }
    for (const dist::Branch& branch : last) tree_.add(branch);
    reducer_->advance();
  }

  // All branches are handed out, and ended but for the last ones, of which every thread has one.
  std::vector<dist::Branch> open_branches() {
    std::vector<dist::Branch> open;
    while (const auto branch = tree_.next()) {
      open.push_back(*branch);
      if (static_cast<int64_t>(open.size()) <= job_.cores) continue;
      tree_.add(open.front());
      open.erase(open.begin());
    }
    return open;
  }

  // What the reducer sums of this rank's partials before it sends: one thread does that, as they become
  // final.
  void merge(int64_t floats) {
    const size_t partials = tree_.partials().size();
    if (partials <= dist::nodes_of(mine_, plan_.microbatches()).size()) return;
    const double others = 1 - 1.0 / group_.size();
    spend(others * static_cast<double>(floats) * static_cast<double>(partials) * job_.profile.sum_seconds,
          summed_);
  }

  // What consume() and the optimizer do, by all threads.
  void update(int64_t floats) {
    const double each =
        static_cast<double>(partials_) * job_.profile.sum_seconds + job_.profile.update_seconds;
    spend(static_cast<double>(floats) * each / static_cast<double>(job_.cores), summed_);
  }

  // Losses travel between the gradients and the update: four numbers a rank and two a microbatch.
  void agree() {
    std::vector<uint64_t> bytes;
    uint64_t total = 0;
    for (int r = 0; r < group_.size(); ++r) {
      bytes.push_back((4 + 2 * static_cast<uint64_t>(plan_.of_rank(r).size())) * sizeof(double));
      total += bytes.back();
    }
    const std::vector<char> mine(bytes[static_cast<size_t>(group_.rank())]);
    std::vector<char> all(total);
    group_.allgather(mine.data(), bytes, all.data());
  }

  static void spend(double seconds, double& account) {
    if (seconds > 0) sg_actor_sleep_for(seconds);
    account += seconds;
  }

  const Job& job_;
  comm::Group& group_;
  dist::Plan plan_;
  dist::Range mine_;
  parallel::Workers workers_{1, [] {}};
  dist::GradientTree tree_;
  std::unique_ptr<dist::Reducer> reducer_;
  Buffer parameters_;
  int64_t partials_ = 0;  // of all ranks, that the owner of a slice sums
  double computed_ = 0;
  double summed_ = 0;
};

void simulate(const Job& job, int steps, comm::Group& group) {
  SimulatedRank rank(job, group);
  rank.step();  // ranks find their rhythm
  const double start = simgrid_get_clock();
  const double computed = rank.computed_seconds();
  const double summed = rank.summed_seconds();
  for (int s = 0; s < steps; ++s) rank.step();
  const double seconds = simgrid_get_clock() - start;
  rank.end();
  if (group.rank() != 0) return;
  std::printf("step %.9g computed %.9g summed %.9g\n", seconds / steps,
              (rank.computed_seconds() - computed) / steps, (rank.summed_seconds() - summed) / steps);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::unique_ptr<comm::Group> group = comm::join_group(argc, argv);
    if (argc != 6) fail_usage("usage: simulated_step PROFILE BATCH REDUCTION CORES STEPS");
    const Profile profile(argv[1]);
    simulate({profile, std::atol(argv[2]), argv[3], std::atol(argv[4])}, std::atoi(argv[5]), *group);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
