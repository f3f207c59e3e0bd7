// A failed step, repeated from its file alone.
#pragma once

#include <string>

#include "lockstep/train/examination.h"
#include "lockstep/train/failed_step.h"
#include "lockstep/train/model.h"

namespace lockstep::train {

struct Replayed {
  Model model;
  Examination found;
};

// In this process, on one thread. `path` is the file's, for messages. Fails where this machine or build
// cannot do what the configuration asks for.
Replayed replay(const FailedStep& step, const std::string& path);

// A row for the parameters, the outputs, the derivatives and the gradients, layer by layer in the order in
// which training comes by: values, how many are not finite, the largest magnitude of the others.
std::string replay_table(const Replayed& replayed);

}  // namespace lockstep::train
