// What Slurm says in environment variables.
#pragma once

#include <functional>

namespace lockstep::comm {

// 0 where it says nothing.
struct SlurmGrant {
  int tasks = 0;           // that the job, or the step that srun started, is to have
  int cores_per_task = 0;  // --cpus-per-task
};

// `variable` is std::getenv, or stands for it.
SlurmGrant slurm_grant(const std::function<const char*(const char*)>& variable);

}  // namespace lockstep::comm
