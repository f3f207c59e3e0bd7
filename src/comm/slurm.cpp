#include "lockstep/comm/slurm.h"

#include <cstdlib>

namespace lockstep::comm {

SlurmGrant slurm_grant(const std::function<const char*(const char*)>& variable) {
  const auto number = [&](const char* name) {
    const char* value = variable(name);
    return value == nullptr ? 0 : std::atoi(value);
  };
  SlurmGrant grant;
  grant.cores_per_task = number("SLURM_CPUS_PER_TASK");
  // Open MPI's mpirun has srun start one daemon a node, and ranks inherit what srun says of those. Parts of a
  // heterogeneous job are counted one by one.
  const int nodes = number("SLURM_STEP_NUM_NODES");
  const bool of_daemons = nodes > 0 && number("SLURM_STEP_NUM_TASKS") == nodes;
  if (!of_daemons && number("SLURM_HET_SIZE") < 2) grant.tasks = number("SLURM_NTASKS");
  return grant;
}

}  // namespace lockstep::comm
