// Where the time of a training step goes, as a table for people.
#pragma once

#include <cstdint>
#include <string>

#include "lockstep/nn/network.h"
#include "lockstep/train/step_times.h"

namespace lockstep::train {

struct Conditions {
  int64_t columns;       // of a whole microbatch
  bool joint_gradients;  // Trainer::has_joint_gradients()
  double samples;        // that the rank trained in all these steps
  double peak_flops;     // operations a second of one thread
};

// A row for each layer and direction that took time, then for what else is work, then their sum, then for
// what the threads waited for, and what is left of threads x time. Columns: milliseconds a step, summed over
// the threads; their share of threads x time; for layers the rate while a thread is at it, its share of the
// peak, and the kernel, as Layer::work() has them.
std::string time_table(const nn::Network& network, const StepTimes& times, const Conditions& conditions);

}  // namespace lockstep::train
