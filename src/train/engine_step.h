// What the microbatches of one step have in common.
#pragma once

#include "lockstep/train/engine.h"

namespace lockstep::train {

struct Engine::Step {
  const dist::Plan& plan;
  int rank;
  const data::Samples& samples;
  uint64_t seed;
  int64_t epoch;
  int64_t number;
  const float* parameters;
  dist::GradientTree& tree;
  const std::function<void()>& moved;
  const std::function<void(int64_t)>& needs;
  nn::PassObserver* observer;
};

}  // namespace lockstep::train
