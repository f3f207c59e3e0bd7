// What carries Open MPI's messages.
#pragma once

#include <string>

namespace lockstep::comm {

// "ob1 over tcp, vader": the module that moves this process' messages, and what it has to move them with
// (vader is shared memory; which of them serves which rank, MPI does not tell). "unknown" where MPI says
// nothing. Between MPI_Init and MPI_Finalize.
std::string mpi_transport();

}  // namespace lockstep::comm
