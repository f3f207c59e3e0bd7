// The stall watch between MPI's ranks.
#pragma once

#include <mpi.h>

#include <memory>

#include "lockstep/comm/stall.h"

namespace lockstep::comm {

// Collective. `world` is what is aborted. A usage error where MPI does not serve several threads.
std::unique_ptr<StallWatch> watch_over_mpi(MPI_Comm world, const WatchOrder& order);

}  // namespace lockstep::comm
