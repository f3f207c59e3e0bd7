// An error that all ranks throw together.
#pragma once

#include "lockstep/core/error.h"

namespace lockstep::comm {

// Thrown by every rank at the same place with the same message, so that rank 0 alone prints it.
class AgreedError : public Error {
 public:
  using Error::Error;
};

}  // namespace lockstep::comm
