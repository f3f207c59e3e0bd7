// Who looks at what a network computes while it is there: its memory serves other values soon after.
#pragma once

#include <cstddef>

namespace lockstep::nn {

struct Pass;

// Called on the thread that takes the microbatch. Matrices are features x pass.columns, of which the first
// pass.samples are samples; they may be read until the call returns. What is looked at changes no bit.
class PassObserver {
 public:
  virtual ~PassObserver() = default;
  virtual void on_input(const Pass& pass, const float* input) = 0;
  // Behind a node's fprop. `penalty`: what it adds to the loss, summed over the samples; 0 where it adds
  // nothing.
  virtual void on_output(const Pass& pass, size_t node, const float* output, double penalty) = 0;
  // The derivative with respect to a node's output, whole, before that node's grad and bprop. Not of nodes
  // that have nothing to do backward.
  virtual void on_delta(const Pass& pass, size_t node, const float* delta) = 0;
};

}  // namespace lockstep::nn
