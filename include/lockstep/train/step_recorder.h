// Who looks inside the steps of a training run.
#pragma once

#include <cstdint>

#include "lockstep/core/recording.h"

namespace lockstep::train {

// Called on the main thread of the rank that has one.
class StepRecorder {
 public:
  virtual ~StepRecorder() = default;
  // Where this step is to be recorded, with a timeline for each of the rank's threads; null: nowhere. `step`
  // counts from the beginning of training, from 0.
  virtual Recording* begin_step(int64_t step) = 0;
  // The step is done, and nothing more is recorded.
  virtual void end_step(int64_t step) = 0;
};

}  // namespace lockstep::train
