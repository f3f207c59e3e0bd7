// How the learning rate changes over the steps.
#pragma once

#include <cstdint>

#include "lockstep/core/options.h"

namespace lockstep::optim {

// The rate of one step (from 0) of `total` steps. The full rate is learning-rate, times batch_size, that of
// the step's epoch, over reference-batch where that is given (linear scaling: Goyal et al. 2017,
// section 2.1); else it stays as a minibatch grows, which does what a falling rate does (Smith et al. 2018).
// In the first warmup-steps it rises linearly, (step + 1) / warmup-steps of the full rate; then, with s steps
// since and n to come in all:
//   constant     the full rate
//   step         times schedule-gamma every schedule-steps steps
//   polynomial   times (1 - s / n) ^ schedule-power
//   cosine       times (1 + cos(pi s / n)) / 2   (Loshchilov, Hutter 2017, without restarts)
double learning_rate(const Options& options, int64_t batch_size, int64_t step, int64_t total);

// Fails where the options do not make a schedule.
void check_schedule(const Options& options);

}  // namespace lockstep::optim
