// Update rules: flat loops over parameters, gradients and state; an element's update depends on that element
// alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/core/buffer.h"
#include "lockstep/core/options.h"

namespace lockstep::optim {

// One array of the optimizer's state, as long as the arena. Only what this rank owns is touched, so only that
// takes memory.
struct Slot {
  std::string name;  // "momentum"
  Buffer values;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Updates parameters[begin, begin + count). gradient[0] belongs to parameter `begin`. `step` counts from 0.
  // Thread safe for ranges that do not overlap.
  virtual void update(int64_t begin, int64_t count, const float* gradient, double learning_rate, int64_t step,
                      float* parameters) = 0;

  // A rule by layers makes of each gradient a direction first, then asks how far to go along it: as far as
  // the norms of all that parameter's values and of its direction say, and update() is called with that
  // direction and the learning rate times trust().
  virtual bool by_layers() const { return false; }
  // In place, as update() in all else.
  virtual void direct(int64_t /*begin*/, int64_t /*count*/, float* /*gradient*/, int64_t /*step*/,
                      const float* /*parameters*/) {}
  virtual double trust(double /*weights*/, double /*direction*/) const { return 1; }

  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }

 protected:
  void add_slot(const std::string& name, int64_t floats) {
    slots_.push_back({name, Buffer(floats, Pages::kSmall)});
  }

 private:
  std::vector<Slot> slots_;
};

// sgd (momentum as in Sutskever et al. 2013, without dampening: v = mu v + g, w -= rate v; Nesterov's form
// takes g + mu v), adam (Kingma, Ba 2015, algorithm 1), adamw (Loshchilov, Hutter 2019: decay apart from the
// gradient). Weight decay of sgd and adam adds decay * w to the gradient. By layers: lars (You, Gitman,
// Ginsburg 2017, algorithm 1), lamb (You et al. 2020, algorithm 2, with the identity as phi).
std::unique_ptr<Optimizer> make_optimizer(const Options& options, int64_t floats);

}  // namespace lockstep::optim
