#include "lockstep/optim/optimizer.h"

#include <cmath>

#include "lockstep/core/error.h"

namespace lockstep::optim {

namespace {

class Sgd : public Optimizer {
 public:
  Sgd(const Options& options, int64_t floats)
      : momentum_(static_cast<float>(options.momentum)),
        decay_(static_cast<float>(options.weight_decay)),
        nesterov_(options.nesterov) {
    if (options.momentum > 0) add_slot("momentum", floats);
  }

  void update(int64_t begin, int64_t count, const float* gradient, double learning_rate, int64_t,
              float* parameters) override {
    const float rate = static_cast<float>(learning_rate);
    float* w = parameters + begin;
    if (slots().empty()) {
      for (int64_t i = 0; i < count; ++i) w[i] -= rate * (gradient[i] + decay_ * w[i]);
      return;
    }
    float* v = slots()[0].values.data() + begin;
    if (nesterov_) {
      for (int64_t i = 0; i < count; ++i) {
        const float g = gradient[i] + decay_ * w[i];
        v[i] = momentum_ * v[i] + g;
        w[i] -= rate * (g + momentum_ * v[i]);
      }
    } else {
      for (int64_t i = 0; i < count; ++i) {
        v[i] = momentum_ * v[i] + (gradient[i] + decay_ * w[i]);
        w[i] -= rate * v[i];
      }
    }
  }

 private:
  float momentum_;
  float decay_;
  bool nesterov_;
};

class Adam : public Optimizer {
 public:
  Adam(const Options& options, int64_t floats, bool decoupled) : options_(options), decoupled_(decoupled) {
    add_slot("mean", floats);
    add_slot("square", floats);
  }

  void update(int64_t begin, int64_t count, const float* gradient, double learning_rate, int64_t step,
              float* parameters) override {
    const double t = static_cast<double>(step + 1);
    const float beta1 = static_cast<float>(options_.beta1);
    const float beta2 = static_cast<float>(options_.beta2);
    // The bias corrections, moved out of the loop: rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t).
    const float rate = static_cast<float>(learning_rate / (1 - std::pow(options_.beta1, t)));
    const float root = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
    const float epsilon = static_cast<float>(options_.epsilon);
    const float coupled = decoupled_ ? 0.0f : static_cast<float>(options_.weight_decay);
    const float keep = decoupled_ ? static_cast<float>(1 - learning_rate * options_.weight_decay) : 1.0f;
    float* w = parameters + begin;
    float* m = slots()[0].values.data() + begin;
    float* s = slots()[1].values.data() + begin;
    for (int64_t i = 0; i < count; ++i) {
      const float g = gradient[i] + coupled * w[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      s[i] = beta2 * s[i] + (1 - beta2) * g * g;
      w[i] = keep * w[i] - rate * m[i] / (std::sqrt(s[i]) * root + epsilon);
    }
  }

 private:
  Options options_;
  bool decoupled_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const Options& options, int64_t floats) {
  if (options.optimizer == "sgd") {
    if (options.nesterov && options.momentum == 0) {
      fail_usage(options.origin("nesterov"), ": nesterov = true needs a momentum above 0");
    }
    return std::make_unique<Sgd>(options, floats);
  }
  return std::make_unique<Adam>(options, floats, options.optimizer == "adamw");
}

}  // namespace lockstep::optim
