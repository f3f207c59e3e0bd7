#include "lockstep/optim/schedule.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"

namespace lockstep::optim {

double learning_rate(const Options& options, int64_t batch_size, int64_t step, int64_t total) {
  double full = options.learning_rate;
  if (options.reference_batch > 0) {
    full *= static_cast<double>(batch_size) / static_cast<double>(options.reference_batch);
  }
  if (step < options.warmup_steps) {
    return full * static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps);
  }
  const int64_t since = step - options.warmup_steps;
  const double done = std::min(1.0, static_cast<double>(since) / static_cast<double>(std::max<int64_t>(
                                                                     total - options.warmup_steps, 1)));
  double factor = 1;
  if (options.schedule == "step") {
    factor = std::pow(options.schedule_gamma, static_cast<double>(since / options.schedule_steps));
  } else if (options.schedule == "polynomial") {
    factor = std::pow(1 - done, options.schedule_power);
  } else if (options.schedule == "cosine") {
    factor = 0.5 * (1 + std::cos(3.14159265358979323846 * done));
  }
  return full * factor;
}

void check_schedule(const Options& options) {
  if (options.schedule == "step" && options.schedule_steps == 0) {
    fail_usage(options.origin("schedule"),
               ": schedule = step needs schedule-steps, the steps between two drops");
  }
}

}  // namespace lockstep::optim
