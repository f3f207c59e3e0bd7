// What the start-up doctor says of ranks, their cores, clocks and what Slurm granted.
#include "lockstep/comm/doctor.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "lockstep/core/error.h"

namespace lockstep::comm {
namespace {

std::vector<int> cores_from(int first, int count) {
  std::vector<int> cores(static_cast<size_t>(count));
  std::iota(cores.begin(), cores.end(), first);
  return cores;
}

// Ranks on hosts of `usable` cores each, `on_host` on one, each bound to its own run of `cores`.
std::vector<RankFacts> bound(int hosts, int on_host, int cores, int usable) {
  std::vector<RankFacts> ranks;
  for (int r = 0; r < hosts * on_host; ++r) {
    RankFacts rank;
    Placement& p = rank.placement;
    p.host = text("node", r / on_host + 1);
    p.cores = cores_from(r % on_host * cores, cores);
    p.physical_cores = cores;
    p.usable_cores = cores_from(0, usable);
    p.ranks_on_host = rank.shares_memory = on_host;
    p.fair_threads = rank.threads = cores;
    rank.instructions = "avx2";
    rank.transport = "ob1 over tcp, vader";
    ranks.push_back(rank);
  }
  return ranks;
}

using Lines = std::vector<std::string>;

TEST(Doctor, HasNothingAgainstRanksThatFillTheirHosts) {
  EXPECT_EQ(doctor_warnings(bound(2, 2, 8, 16)), Lines());
  EXPECT_EQ(doctor_warnings(bound(1, 1, 1, 1)), Lines());
  // Bound to more than one core: somebody chose so.
  EXPECT_EQ(doctor_warnings(bound(2, 2, 2, 16)), Lines());
  // One core more than there are ranks is none for each.
  EXPECT_EQ(doctor_warnings(bound(1, 2, 1, 3)), Lines());
}

TEST(Doctor, TableHasARowForEachHost) {
  auto ranks = bound(2, 2, 8, 16);
  ranks[1].clock = {0, 1e-7, 2e-7};
  ranks[2].clock = {0.0031, 5e-5, 1e-4};
  ranks[3].clock = {0.0029, 2e-5, 4e-5};  // faster, so better
  ranks[3].threads = 4;
  EXPECT_EQ(
      doctor_table(ranks),
      "host   ranks  threads  cores of each  instructions  MPI by               round trip  clock against "
      "rank 0's\n"
      "node1  0-1    8        0-7 | 8-15     avx2          ob1 over tcp, vader  0.2 us      +0.000 ms +- "
      "0.000\n"
      "node2  2-3    8 | 4    0-7 | 8-15     avx2          ob1 over tcp, vader  40.0 us     +2.900 ms +- "
      "0.020\n");
  EXPECT_EQ(start_table(ranks), doctor_table(ranks));
  EXPECT_EQ(start_table(bound(1, 1, 1, 1)), "");
}

TEST(Doctor, TableCutsLongListsShort) {
  const std::string table = doctor_table(bound(1, 64, 1, 64));
  EXPECT_NE(table.find("0-63   1        0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | ...  avx2"), std::string::npos)
      << table;
}

TEST(Doctor, WarnsOfRanksThatCannotShareMemory) {
  auto ranks = bound(2, 2, 8, 16);
  ranks[2].shares_memory = ranks[3].shares_memory = 1;
  const Lines found = doctor_warnings(ranks);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].starts_with("on node2, ranks 2, 3 cannot share memory, so each holds the dataset"))
      << found[0];
}

TEST(Doctor, WarnsOfOneCoreOfMany) {
  EXPECT_EQ(
      doctor_warnings(bound(1, 2, 1, 8)),
      Lines{
          "on node1, ranks 0, 1 have one core, and 6 cores of the host serve no rank: plain mpirun binds "
          "each of one or two ranks to a single core; start with mpirun --map-by slot:PE=4 --bind-to core"});
  EXPECT_EQ(
      doctor_warnings(bound(3, 1, 1, 2)),
      Lines{"on node1 and 2 more hosts, ranks 0 to 2 have one core, and 1 core of the host serves no rank: "
            "plain mpirun binds each of one or two ranks to a single core; start with mpirun --map-by "
            "slot:PE=2 --bind-to core"});
}

TEST(Doctor, TakesHyperthreadsOfOneCoreForOne) {
  auto ranks = bound(1, 2, 2, 16);
  for (RankFacts& rank : ranks) rank.placement.physical_cores = 1;
  const Lines warnings = doctor_warnings(ranks);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("slot:PE=4 "), std::string::npos) << warnings[0];
}

TEST(Doctor, LeavesAProcessThatNoLauncherStartedWhereItIs) {
  auto ranks = bound(1, 1, 1, 8);
  ranks[0].transport = "none";
  EXPECT_EQ(doctor_warnings(ranks), Lines());
}

TEST(Doctor, WarnsOfSharedCores) {
  auto ranks = bound(1, 3, 1, 2);
  for (RankFacts& rank : ranks) {
    rank.placement.cores = {0, 1};
    rank.placement.physical_cores = 2;
    rank.placement.cores_are_shared = true;
  }
  EXPECT_EQ(doctor_warnings(ranks),
            Lines{"on node1, ranks 0 to 2 share cores 0-1, so they wait for each other: "
                  "start at most 2 ranks there"});
  // Two bound to one core, where there are others.
  ranks = bound(1, 2, 1, 8);
  for (RankFacts& rank : ranks) {
    rank.placement.cores = {3};
    rank.placement.cores_are_shared = true;
  }
  EXPECT_EQ(
      doctor_warnings(ranks),
      Lines{"on node1, ranks 0, 1 share core 3, so they wait for each other: the host has cores for all, so "
            "start with mpirun --map-by slot:PE=4 --bind-to core"});
}

TEST(Doctor, WarnsOfMoreThreadsThanCores) {
  auto ranks = bound(2, 2, 4, 8);
  ranks[2].threads = 5;
  EXPECT_EQ(doctor_warnings(ranks),
            Lines{"on node2, rank 2 has 5 threads for 4 cores, so these take turns: leave "
                  "out --threads, or take --threads 4"});
}

TEST(Doctor, WarnsOfWhatSlurmGrantedAndMpirunDidNotTake) {
  auto ranks = bound(1, 2, 1, 16);
  for (RankFacts& rank : ranks) rank.slurm = {4, 8};
  EXPECT_EQ(
      doctor_warnings(ranks),
      (Lines{"on node1, ranks 0, 1 have 1 core, where Slurm granted 8 a task (SLURM_CPUS_PER_TASK): start "
             "with srun --mpi=pmix --cpu-bind=cores, or mpirun --map-by slot:PE=8 --bind-to core",
             "Slurm granted 4 tasks (SLURM_NTASKS), but this run has 2 ranks: leave out mpirun's -n, or ask "
             "Slurm for as many with --ntasks"}));
  for (RankFacts& rank : ranks) rank.slurm = {2, 1};
  EXPECT_EQ(doctor_warnings(ranks), Lines());  // that other cores are free is others' business
}

TEST(Doctor, WarnsOfClocks) {
  auto ranks = bound(2, 1, 4, 4);
  ranks[1].clock = {-2.5, 1e-4, 2e-4};
  EXPECT_EQ(
      doctor_warnings(ranks),
      Lines{"on node2, the clock is 2.5 s behind that of node1, so times in logs and files do not compare: "
            "set the clocks of all hosts from one source (NTP)"});
  ranks[1].clock = {1.4, 0.5, 1};  // maybe
  EXPECT_EQ(doctor_warnings(ranks), Lines());
}

SlurmGrant grant(const std::map<std::string, std::string>& variables) {
  return slurm_grant([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(SlurmGrant, IsWhatTheVariablesSay) {
  EXPECT_EQ(grant({}).tasks, 0);
  EXPECT_EQ(grant({}).cores_per_task, 0);
  EXPECT_EQ(grant({{"SLURM_NTASKS", "4"}}).tasks, 4);
  EXPECT_EQ(grant({{"SLURM_CPUS_PER_TASK", "8"}}).cores_per_task, 8);
  EXPECT_EQ(
      grant({{"SLURM_NTASKS", "4"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_STEP_NUM_NODES", "2"}}).tasks, 4);
}

TEST(SlurmGrant, DoesNotCountMpirunsDaemonsNorPartsOfAJob) {
  EXPECT_EQ(
      grant({{"SLURM_NTASKS", "3"}, {"SLURM_STEP_NUM_TASKS", "3"}, {"SLURM_STEP_NUM_NODES", "3"}}).tasks, 0);
  EXPECT_EQ(grant({{"SLURM_NTASKS", "3"}, {"SLURM_HET_SIZE", "2"}}).tasks, 0);
}

}  // namespace
}  // namespace lockstep::comm
