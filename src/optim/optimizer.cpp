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

// v = mu v + rate trust (g + decay w), w -= v. Where a norm is 0, as of biases at the start, the coefficient
// alone is the trust.
class Lars : public Optimizer {
 public:
  Lars(const Options& options, int64_t floats) : options_(options) { add_slot("momentum", floats); }

  bool by_layers() const override { return true; }
  double trust(double weights, double direction) const override {
    if (weights == 0 || direction == 0) return options_.trust;
    return options_.trust * weights / (direction + options_.weight_decay * weights);
  }
  void update(int64_t begin, int64_t count, const float* direction, double learning_rate, int64_t,
              float* parameters) override {
    const float rate = static_cast<float>(learning_rate);
    const float momentum = static_cast<float>(options_.momentum);
    const float decay = static_cast<float>(options_.weight_decay);
    float* w = parameters + begin;
    float* v = slots()[0].values.data() + begin;
    for (int64_t i = 0; i < count; ++i) {
      v[i] = momentum * v[i] + rate * (direction[i] + decay * w[i]);
      w[i] -= v[i];
    }
  }

 private:
  Options options_;
};

// r = Adam's step + decay w, w -= rate |w| / |r| r.
class Lamb : public Optimizer {
 public:
  Lamb(const Options& options, int64_t floats) : options_(options) {
    add_slot("mean", floats);
    add_slot("square", floats);
  }

  bool by_layers() const override { return true; }
  void direct(int64_t begin, int64_t count, float* gradient, int64_t step, const float* parameters) override {
    const double t = static_cast<double>(step + 1);
    const float beta1 = static_cast<float>(options_.beta1);
    const float beta2 = static_cast<float>(options_.beta2);
    const float scale = static_cast<float>(1 / (1 - std::pow(options_.beta1, t)));
    const float root = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
    const float epsilon = static_cast<float>(options_.epsilon);
    const float decay = static_cast<float>(options_.weight_decay);
    const float* w = parameters + begin;
    float* m = slots()[0].values.data() + begin;
    float* s = slots()[1].values.data() + begin;
    for (int64_t i = 0; i < count; ++i) {
      m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
      s[i] = beta2 * s[i] + (1 - beta2) * gradient[i] * gradient[i];
      gradient[i] = scale * m[i] / (std::sqrt(s[i]) * root + epsilon) + decay * w[i];
    }
  }
  double trust(double weights, double direction) const override {
    return weights == 0 || direction == 0 ? 1 : weights / direction;
  }
  void update(int64_t begin, int64_t count, const float* direction, double learning_rate, int64_t,
              float* parameters) override {
    const float rate = static_cast<float>(learning_rate);
    float* w = parameters + begin;
    for (int64_t i = 0; i < count; ++i) w[i] -= rate * direction[i];
  }

 private:
  Options options_;
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
  if (options.optimizer == "lars") return std::make_unique<Lars>(options, floats);
  if (options.optimizer == "lamb") return std::make_unique<Lamb>(options, floats);
  return std::make_unique<Adam>(options, floats, options.optimizer == "adamw");
}

}  // namespace lockstep::optim
