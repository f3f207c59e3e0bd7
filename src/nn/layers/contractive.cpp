// contractive LAMBDA: LAMBDA |dh/dx|_F^2 of the code h = f(W x + b) that it reads (Rifai et al. 2011), which
// is
//
//   LAMBDA times the sum over units j of  f'(s_j)^2 |w_j|^2
//
// for an elementwise activation f right behind a linear layer; behind a linear layer itself f' is 1. The
// square belongs there for every f. It uses the linear layer's weights: the derivative with respect to w_j is
// 2 f'(s_j)^2 w_j, beside what comes through h, 2 f''(s_j) |w_j|^2 for h_j.
#include "activation_functions.h"
#include "layers.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/centres.h"
#include "penalty.h"

namespace lockstep::nn {

namespace {

template <class Function>
struct SquaredSlope {
  static constexpr double kFlops = 8;
  Function function;
  float cost(float h) const {
    const float slope = slope_of_output(function, h);
    return slope * slope;
  }
  float slope(float h) const { return 2.0f * function.curvature(h); }
};

template <class Function>
class Contractive : public Penalty<SquaredSlope<Function>> {
 public:
  using Base = Penalty<SquaredSlope<Function>>;

  Contractive(const Shape& shape, Function function, const DenseWeights& weights, double lambda)
      : Base(shape, {function}), dense_(weights), lambda_(static_cast<float>(lambda)) {}

  std::vector<ParameterSpec> parameters() const override {
    if (dense_.transposed) return {{"weights", {dense_.inputs, dense_.units}}};
    return {{"weights", {dense_.units, dense_.inputs}}};
  }
  int64_t scratch_floats(int64_t) const override { return dense_.units; }

  kernels::LayerWork work(int64_t columns) const override {
    kernels::LayerWork work = Base::work(columns);
    const double weights = static_cast<double>(dense_.units) * static_cast<double>(dense_.inputs);
    // Once a microbatch.
    work.fprop.flops += 2 * weights / static_cast<double>(columns);
    work.grad = kernels::vector_code(work.fprop.flops);
    return work;
  }

  void grad(const Pass& pass, const Operands& o, const float*, std::span<const Sink> sinks) const override {
    const float scale = 2.0f * lambda_ / static_cast<float>(pass.minibatch);
    float* factors = o.scratch;  // of each unit's weights
    for (int64_t j = 0; j < dense_.units; ++j) {
      float sum = 0;
      for (int64_t n = 0; n < pass.samples; ++n) sum += this->function_.cost(o.output[j * pass.columns + n]);
      factors[j] = scale * sum;
    }
    const bool accumulate = sinks[0].accumulate;
    const int64_t rows = dense_.transposed ? dense_.inputs : dense_.units;
    const int64_t length = dense_.transposed ? dense_.units : dense_.inputs;
    for (int64_t r = 0; r < rows; ++r) {
      const float* weights = o.parameters[0] + r * length;
      float* to = sinks[0].data + r * length;
      for (int64_t i = 0; i < length; ++i) {
        const float factor = dense_.transposed ? factors[i] : factors[r];
        to[i] = (accumulate ? to[i] : 0.0f) + factor * weights[i];
      }
    }
  }

 protected:
  // LAMBDA |w_j|^2.
  double assess(const Pass& pass, const Operands& o, float* weights) const override {
    if (dense_.transposed) {
      std::fill_n(weights, dense_.units, 0.0f);
      for (int64_t i = 0; i < dense_.inputs; ++i) {
        const float* row = o.parameters[0] + i * dense_.units;
        for (int64_t j = 0; j < dense_.units; ++j) weights[j] += row[j] * row[j];
      }
      for (int64_t j = 0; j < dense_.units; ++j) weights[j] *= lambda_;
    } else {
      kernels::centre_offsets(dense_.units, dense_.inputs, o.parameters[0], weights);
      for (int64_t j = 0; j < dense_.units; ++j) weights[j] *= -2.0f * lambda_;
    }
    return this->weighed_sum(pass, o.output, weights);
  }

 private:
  DenseWeights dense_;
  float lambda_;
};

}  // namespace

std::unique_ptr<Layer> make_contractive(LayerArguments& arguments, Inputs inputs) {
  const double lambda = penalty_weight(arguments, "lambda");
  const auto activation = activation_below(arguments);
  const Source& linear = arguments.sources()[activation ? 1 : 0];
  const auto weights = linear.layer == nullptr ? std::nullopt : linear.layer->dense_weights();
  if (!weights) {
    const std::string reads =
        activation ? arguments.sources()[0].text + " behind " + linear.text : linear.text;
    arguments.complain("it reads " + reads +
                       "; expected a linear layer, or an activation right behind one, since it needs the "
                       "weights that the activation is of");
  }
  arguments.adopt_first_parameter(linear.node);
  return with_activation(
      activation.value_or(scalar_function("identity")), [&](auto function) -> std::unique_ptr<Layer> {
        return std::make_unique<Contractive<decltype(function)>>(inputs[0], function, *weights, lambda);
      });
}

}  // namespace lockstep::nn
