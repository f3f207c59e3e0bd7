#include <cmath>
#include <iterator>
#include <set>

#include "lockstep/core/error.h"
#include "rank_facts.h"
#include "rank_list.h"

namespace lockstep::comm {

namespace {

constexpr double kMostClockSkew = 1;  // seconds

size_t granted_cores(const RankFacts& rank) { return static_cast<size_t>(rank.slurm.cores_per_task); }

std::string cores_text(size_t count) { return text(count, count == 1 ? " core" : " cores"); }

std::string has(const std::vector<int>& ranks) { return ranks.size() == 1 ? " has " : " have "; }

// Physical cores for each rank of a host, were they shared out.
int fair_cores(const Placement& p) {
  const int threads_of_a_core = static_cast<int>(p.cores.size()) / p.physical_cores;
  return static_cast<int>(p.usable_cores.size()) / threads_of_a_core / p.ranks_on_host;
}

std::string binding(int cores) { return text("mpirun --map-by slot:PE=", cores, " --bind-to core"); }

class Examiner {
 public:
  explicit Examiner(const std::vector<RankFacts>& ranks) : ranks_(ranks) {}

  std::vector<std::string> warnings() {
    shared_cores();
    fewer_cores_than_slurm_granted();
    one_core_of_many();
    more_threads_than_cores();
    memory_of_their_own();
    other_tasks_than_slurm_granted();
    clocks();
    return std::move(warnings_);
  }

 private:
  void shared_cores() {
    const auto found = ranks_where(ranks_, [](const RankFacts& r) { return r.placement.cores_are_shared; });
    if (found.empty()) return;
    const Placement& p = first(found).placement;
    const int fair = fair_cores(p);
    const bool one = p.cores.size() == 1;
    say(found, text(rank_list(found), " share ", one ? "core " : "cores ", ranges(p.cores),
                    ", so they wait for each other: ",
                    fair > 0 ? "the host has cores for all, so start with " + binding(fair)
                             : text("start at most ", p.usable_cores.size(), " ranks there")));
  }

  void fewer_cores_than_slurm_granted() {
    const auto found =
        ranks_where(ranks_, [](const RankFacts& r) { return r.placement.cores.size() < granted_cores(r); });
    if (found.empty()) return;
    const RankFacts& rank = first(found);
    say(found, text(rank_list(found), has(found), cores_text(rank.placement.cores.size()),
                    ", where Slurm granted ", rank.slurm.cores_per_task,
                    " a task (SLURM_CPUS_PER_TASK): start with srun --mpi=pmix "
                    "--cpu-bind=cores, or ",
                    binding(rank.slurm.cores_per_task)));
  }

  void one_core_of_many() {
    const auto found = ranks_where(ranks_, [&](const RankFacts& r) {
      const Placement& p = r.placement;
      // Else somebody chose the cores: whoever called this process by hand, or asked Slurm for so many.
      const bool by_launcher = r.transport != "none" && granted_cores(r) == 0;
      return by_launcher && !p.cores_are_shared && p.physical_cores == 1 && fair_cores(p) > 1 &&
             unused_cores(p) > 0;
    });
    if (found.empty()) return;
    const Placement& p = first(found).placement;
    say(found, text(rank_list(found), has(found), "one core, and ", cores_text(unused_cores(p)),
                    " of the host serve", unused_cores(p) == 1 ? "s" : "",
                    " no rank: plain mpirun binds each of one or two ranks to a single core; start with ",
                    binding(fair_cores(p))));
  }

  void more_threads_than_cores() {
    const auto found = ranks_where(ranks_, [](const RankFacts& r) {
      return !r.placement.cores_are_shared && r.threads > r.placement.fair_threads;
    });
    if (found.empty()) return;
    const RankFacts& rank = first(found);
    const int fair = rank.placement.fair_threads;
    say(found, text(rank_list(found), has(found), rank.threads, " threads for ",
                    cores_text(static_cast<size_t>(fair)),
                    ", so these take turns: leave out --threads, or take --threads ", fair));
  }

  void memory_of_their_own() {
    const auto found =
        ranks_where(ranks_, [](const RankFacts& r) { return r.shares_memory < r.placement.ranks_on_host; });
    if (found.empty()) return;
    say(found,
        text(rank_list(found),
             " cannot share memory, so each holds the dataset for itself: start the ranks of a host as "
             "one user and in one container, so that they may open /proc/PID/fd of each other"));
  }

  void other_tasks_than_slurm_granted() {
    const int tasks = ranks_[0].slurm.tasks;
    if (tasks == 0 || static_cast<size_t>(tasks) == ranks_.size()) return;
    const bool alone = ranks_[0].transport == "none";
    warnings_.push_back(text("Slurm granted ", tasks, " tasks (SLURM_NTASKS), but this run has ",
                             ranks_.size(), ranks_.size() == 1 ? " rank" : " ranks", ": ",
                             alone ? "start it with srun --mpi=pmix, or mpirun"
                                   : "leave out mpirun's -n, or ask Slurm for as many with --ntasks"));
  }

  void clocks() {
    const auto found = ranks_where(ranks_, [](const RankFacts& r) {
      return std::abs(r.clock.ahead) - r.clock.uncertainty > kMostClockSkew;
    });
    if (found.empty()) return;
    const double ahead = first(found).clock.ahead;
    say(found, text("the clock is ", std::abs(ahead), " s ", ahead > 0 ? "ahead of" : "behind", " that of ",
                    ranks_[0].placement.host,
                    ", so times in logs and files do not compare: set the clocks of all hosts from one "
                    "source (NTP)"));
  }

  // Of a rank's host, those that no rank may run on.
  size_t unused_cores(const Placement& here) const {
    std::set<int> unused(here.usable_cores.begin(), here.usable_cores.end());
    for (const RankFacts& rank : ranks_) {
      if (rank.placement.host != here.host) continue;
      for (const int core : rank.placement.cores) unused.erase(core);
    }
    return unused.size();
  }

  const RankFacts& first(const std::vector<int>& found) const {
    return ranks_[static_cast<size_t>(found[0])];
  }

  // Numbers are those of the first host; it is the others' kind of trouble too.
  void say(const std::vector<int>& found, const std::string& what) {
    const auto hosts = hosts_of(ranks_, found);
    const size_t more = hosts.size() - 1;
    const std::string others = more == 0 ? "" : text(" and ", more, more == 1 ? " more host" : " more hosts");
    warnings_.push_back("on " + hosts[0] + others + ", " + what);
  }

  const std::vector<RankFacts>& ranks_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> doctor_warnings(const std::vector<RankFacts>& ranks) {
  return Examiner(ranks).warnings();
}

}  // namespace lockstep::comm
