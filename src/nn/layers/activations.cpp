// The elementwise activations: relu, leaky-relu [slope=0.01], sigmoid, tanh, softplus, and those of sparse
// codes:
//
//   soft-threshold THETA  sign(x) max(|x| - THETA, 0) (shrinkage: Goroshin, LeCun 2013)
//   threshold THETA       x where x > THETA, else 0 (Konda, Memisevic, Krueger 2015)
//
// The functions themselves are in activation_functions.h.
#include "activation_functions.h"
#include "layers.h"

namespace lockstep::nn {

namespace {

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
