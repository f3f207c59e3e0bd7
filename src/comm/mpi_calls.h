// Private to src/comm: what calls of MPI have in common.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "lockstep/core/error.h"

namespace lockstep::comm {

// Each failure becomes an Error: "MPI failed to ...".
inline void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char reason[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, reason, &length);
  fail("MPI failed to ", what, ": ", std::string(reason, static_cast<size_t>(length)),
       "; another rank or the network is gone, or MPI is out of resources");
}

// MPI 3 counts with int. Here, and nowhere else, longer messages are cut into pieces.
constexpr uint64_t kLongestMessage = uint64_t{1} << 30;

// Calls piece(offset, count) for consecutive pieces that an int can count.
template <class Piece>
void in_pieces(uint64_t count, uint64_t longest, const Piece& piece) {
  for (uint64_t at = 0; at < count; at += longest) {
    piece(at, static_cast<int>(std::min(longest, count - at)));
  }
}

}  // namespace lockstep::comm
