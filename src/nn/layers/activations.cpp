// The elementwise activations: relu, leaky-relu [slope=0.01], sigmoid, tanh, softplus.
//
// Each is a function value(x) and its derivative slope(z), where z is y = value(x) if kSlopeOfOutput, else x.
// kValueFlops and kSlopeFlops count the operations as vector_math.h has them.
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

template <class Function>
class Activation : public Layer {
 public:
  Activation(const Shape& shape, Function function) : shape_(shape), function_(function) {}

  Shape output_shape() const override { return shape_; }
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
};

template <class Function>
std::unique_ptr<Layer> make(Inputs inputs, Function function) {
  return std::make_unique<Activation<Function>>(inputs[0], function);
}

}  // namespace

std::unique_ptr<Layer> make_relu(LayerArguments&, Inputs inputs) { return make(inputs, Relu{}); }

std::unique_ptr<Layer> make_leaky_relu(LayerArguments& arguments, Inputs inputs) {
  return make(inputs, LeakyRelu{static_cast<float>(arguments.leading_real("slope", 0, 1, 0.01))});
}

std::unique_ptr<Layer> make_sigmoid(LayerArguments&, Inputs inputs) { return make(inputs, Sigmoid{}); }
std::unique_ptr<Layer> make_tanh(LayerArguments&, Inputs inputs) { return make(inputs, Tanh{}); }
std::unique_ptr<Layer> make_softplus(LayerArguments&, Inputs inputs) { return make(inputs, Softplus{}); }

}  // namespace lockstep::nn
