// What the steps of a run took, summed up by what was done.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "lockstep/train/step_recorder.h"

namespace lockstep::train {

class StepTimes : public StepRecorder {
 public:
  explicit StepTimes(int threads) : recording_(threads) {}

  Recording* begin_step(int64_t step) override;
  void end_step(int64_t step) override;

  int threads() const { return static_cast<int>(recording_.threads.size()); }
  int64_t steps() const { return steps_; }
  double step_seconds() const { return step_seconds_; }  // that the steps took, on the clock

  // Seconds spent on it, over all threads and steps, without what other activities inside it took. Of one
  // layer, or where no layer is given of all, or of what belongs to none.
  double seconds(Activity activity) const;
  double seconds(Activity activity, int64_t layer) const;

 private:
  Recording recording_;
  int64_t steps_ = 0;
  double step_seconds_ = 0;
  std::map<std::pair<Activity, int64_t>, double> seconds_;  // by activity and layer; -1: no layer's
};

}  // namespace lockstep::train
