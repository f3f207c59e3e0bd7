// subsample WINDOW [stride=S] [edge=keep]: LeCun's trainable sub-sampling, y = a[c] mean(window) + b[c], with
// one coefficient a and one bias b a channel (LeCun et al. 1998, layers S2 and S4); the activation is a layer
// of its own.
//
// weights (a) and bias (b) are C; a starts at 1, so that the layer starts as average pooling.
#include "layers.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::nn {

namespace {

class Subsample : public Layer {
 public:
  explicit Subsample(const kernels::PoolingShape& shape) : shape_(shape) {}

  Shape output_shape() const override { return {shape_.channels, shape_.out_height(), shape_.out_width()}; }
  std::vector<ParameterSpec> parameters() const override {
    return {{"weights", {shape_.channels}, 0, 0, 1.0f}, {"bias", {shape_.channels}}};
  }
  BackwardReads backward_reads() const override { return {.inputs = false, .output = false}; }
  int64_t saved_floats(int64_t columns) const override {
    return output_shape().size() * columns;
  }  // the means
  int64_t scratch_floats(int64_t columns) const override { return output_shape().size() * columns; }

  kernels::LayerWork work(int64_t) const override {
    // The means, and a multiplication and an addition an output, or their derivatives.
    const double outputs = static_cast<double>(output_shape().size());
    const double window = static_cast<double>(shape_.window * shape_.window);
    return {kernels::vector_code(outputs * (window + 2)), kernels::vector_code(outputs * (window + 1)),
            kernels::vector_code(outputs * 3)};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::avgpool_fprop(shape_, pass.columns, o.inputs[0], o.saved);
    for_each_channel(pass, [&](int64_t c, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        o.output[i] = o.parameters[0][c] * o.saved[i] + o.parameters[1][c];
    });
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    for_each_channel(pass, [&](int64_t c, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) o.scratch[i] = o.parameters[0][c] * delta[i];
    });
    kernels::avgpool_bprop(shape_, pass.columns, o.scratch, sinks[0].accumulate, sinks[0].data);
  }

  void grad(const Pass& pass, const Operands& o, const float* delta,
            std::span<const Sink> sinks) const override {
    for_each_channel(pass, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) o.scratch[i] = delta[i] * o.saved[i];
    });
    const int64_t plane = shape_.out_height() * shape_.out_width() * pass.columns;
    kernels::row_sums(shape_.channels, plane, o.scratch, sinks[0].accumulate, sinks[0].data);
    kernels::row_sums(shape_.channels, plane, delta, sinks[1].accumulate, sinks[1].data);
  }

 private:
  template <class Visit>
  void for_each_channel(const Pass& pass, const Visit& visit) const {
    const int64_t plane = shape_.out_height() * shape_.out_width() * pass.columns;
    for (int64_t c = 0; c < shape_.channels; ++c) visit(c, c * plane, (c + 1) * plane);
  }

  kernels::PoolingShape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_subsample(LayerArguments& arguments, Inputs inputs) {
  return std::make_unique<Subsample>(pooling_shape(arguments, inputs[0]));
}

}  // namespace lockstep::nn
