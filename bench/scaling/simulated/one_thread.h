// Before every source of a simulated rank. SMPI promises nothing to several threads of a rank, and there is
// but one.
#pragma once

#include <mpi.h>

inline int init_one_thread(int* argc, char*** argv, int required, int* provided) {
  const int code = MPI_Init(argc, argv);
  *provided = required;
  return code;
}
#define MPI_Init_thread init_one_thread
