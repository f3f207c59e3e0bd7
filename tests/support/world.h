// The ranks that mpi_tests was started on.
#pragma once

#include "lockstep/comm/group.h"

namespace lockstep::test {

comm::Group& world();

}  // namespace lockstep::test
