// The elementwise activations: relu, leaky-relu [slope=0.01], sigmoid, tanh, softplus, and those of sparse
// codes:
//
//   soft-threshold THETA  sign(x) max(|x| - THETA, 0) (shrinkage: Goroshin, LeCun 2013)
//   threshold THETA       x where x > THETA, else 0 (Konda, Memisevic, Krueger 2015)
//
// Each is a function value(x) and its derivative slope(z), where z is y = value(x) if kSlopeOfOutput, else x.
// kValueFlops and kSlopeFlops count the operations as vector_math.h has them.
#include <cmath>

#include "layers.h"
#include "lockstep/kernels/vector_math.h"

namespace lockstep::nn {

namespace {

struct Relu {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 1;
  static constexpr double kSlopeFlops = 1;
  float value(float x) const { return x > 0 || x != x ? x : 0.0f; }  // a NaN comes through
  float slope(float y) const { return y > 0 ? 1.0f : 0.0f; }
};

struct LeakyRelu {
  static constexpr bool kSlopeOfOutput = true;  // x and y are positive together, the slope being no negative
  static constexpr double kValueFlops = 2;
  static constexpr double kSlopeFlops = 1;
  float below;
  float value(float x) const { return x > 0 ? x : below * x; }
  float slope(float y) const { return y > 0 ? 1.0f : below; }
};

struct Sigmoid {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 27;
  static constexpr double kSlopeFlops = 2;
  float value(float x) const { return kernels::vsigmoid(x); }
  float slope(float y) const { return y * (1.0f - y); }
};

struct Tanh {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 43;
  static constexpr double kSlopeFlops = 2;
  float value(float x) const { return kernels::vtanh(x); }
  float slope(float y) const { return 1.0f - y * y; }
};

struct Softplus {
  static constexpr bool kSlopeOfOutput = false;  // y is too coarse where x is very negative
  static constexpr double kValueFlops = 45;
  static constexpr double kSlopeFlops = 27;
  float value(float x) const { return kernels::vsoftplus(x); }
  float slope(float x) const { return kernels::vsigmoid(x); }
};

struct SoftThreshold {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 4;
  static constexpr double kSlopeFlops = 1;
  float theta;
  float value(float x) const {
    const float shrunk = std::fabs(x) - theta;  // a NaN comes through
    return std::copysign(shrunk < 0 ? 0.0f : shrunk, x);
  }
  float slope(float y) const { return y != 0 ? 1.0f : 0.0f; }
};

struct Threshold {
  static constexpr bool kSlopeOfOutput = true;  // beyond a threshold of 0 or more, no output is 0
  static constexpr double kValueFlops = 1;
  static constexpr double kSlopeFlops = 1;
  float theta;
  float value(float x) const { return x <= theta ? 0.0f : x; }
  float slope(float y) const { return y != 0 ? 1.0f : 0.0f; }
};

template <class Function>
class Activation : public Layer {
 public:
  Activation(const Shape& shape, Function function, const ScalarFunction& scalar)
      : shape_(shape), function_(function), scalar_(scalar) {}

  Shape output_shape() const override { return shape_; }
  std::optional<ScalarFunction> scalar_function() const override { return scalar_; }
  BackwardReads backward_reads() const override {
    return {.inputs = !Function::kSlopeOfOutput, .output = Function::kSlopeOfOutput};
  }
  bool in_place() const override { return true; }
  kernels::LayerWork work(int64_t) const override {
    const double values = static_cast<double>(shape_.size());
    return {kernels::vector_code(values * Function::kValueFlops),
            kernels::vector_code(values * (Function::kSlopeFlops + 1)),
            {}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    const int64_t count = shape_.size() * pass.columns;
    const float* in = o.inputs[0];
    float* out = o.output;
    for (int64_t i = 0; i < count; ++i) out[i] = function_.value(in[i]);
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    const int64_t count = shape_.size() * pass.columns;
    const float* z = Function::kSlopeOfOutput ? o.output : o.inputs[0];
    float* to = sinks[0].data;
    if (sinks[0].accumulate) {
      for (int64_t i = 0; i < count; ++i) to[i] += delta[i] * function_.slope(z[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = delta[i] * function_.slope(z[i]);
    }
  }

 private:
  Shape shape_;
  Function function_;
  ScalarFunction scalar_;
};

template <class Function>
std::unique_ptr<Layer> make(const LayerArguments& arguments, Inputs inputs, Function function,
                            float parameter = 0) {
  const ScalarFunction scalar = scalar_function(arguments.type(), static_cast<double>(parameter));
  return std::make_unique<Activation<Function>>(inputs[0], function, scalar);
}

float threshold_of(LayerArguments& arguments) {
  constexpr double kBeyondUse = 1e30;
  return static_cast<float>(arguments.leading_real("theta", 0, kBeyondUse, 1));
}

}  // namespace

std::unique_ptr<Layer> make_relu(LayerArguments& arguments, Inputs inputs) {
  return make(arguments, inputs, Relu{});
}

std::unique_ptr<Layer> make_leaky_relu(LayerArguments& arguments, Inputs inputs) {
  const float below = static_cast<float>(arguments.leading_real("slope", 0, 1, 0.01));
  return make(arguments, inputs, LeakyRelu{below}, below);
}

std::unique_ptr<Layer> make_sigmoid(LayerArguments& arguments, Inputs inputs) {
  return make(arguments, inputs, Sigmoid{});
}

std::unique_ptr<Layer> make_tanh(LayerArguments& arguments, Inputs inputs) {
  return make(arguments, inputs, Tanh{});
}

std::unique_ptr<Layer> make_softplus(LayerArguments& arguments, Inputs inputs) {
  return make(arguments, inputs, Softplus{});
}

std::unique_ptr<Layer> make_soft_threshold(LayerArguments& arguments, Inputs inputs) {
  const float theta = threshold_of(arguments);
  return make(arguments, inputs, SoftThreshold{theta}, theta);
}

std::unique_ptr<Layer> make_threshold(LayerArguments& arguments, Inputs inputs) {
  const float theta = threshold_of(arguments);
  return make(arguments, inputs, Threshold{theta}, theta);
}

}  // namespace lockstep::nn
