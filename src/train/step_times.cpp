#include "lockstep/train/step_times.h"

namespace lockstep::train {

namespace {

constexpr double kNanosecond = 1e-9;

bool is_of_a_layer(Activity activity) {
  return activity == Activity::kFprop || activity == Activity::kBprop || activity == Activity::kGrad;
}

}  // namespace

Recording* StepTimes::begin_step(int64_t) {
  recording_.clear();
  return &recording_;
}

void StepTimes::end_step(int64_t) {
  ++steps_;
  for (const Timeline& timeline : recording_.threads) {
    for (const TimeSpan& span : timeline.spans()) {
      const int64_t layer = is_of_a_layer(span.activity) ? span.index : -1;
      seconds_[{span.activity, layer}] += static_cast<double>(span.own()) * kNanosecond;
      if (span.activity == Activity::kStep) {
        step_seconds_ += static_cast<double>(span.end - span.begin) * kNanosecond;
      }
    }
  }
}

double StepTimes::seconds(Activity activity) const {
  double sum = 0;
  for (const auto& [key, seconds] : seconds_) sum += key.first == activity ? seconds : 0.0;
  return sum;
}

double StepTimes::seconds(Activity activity, int64_t layer) const {
  const auto found = seconds_.find({activity, layer});
  return found == seconds_.end() ? 0.0 : found->second;
}

}  // namespace lockstep::train
