// add from=A,B[,...]: the sum of two or more activations of one shape.
#include "layers.h"
#include "lockstep/core/error.h"

namespace lockstep::nn {

namespace {

class Add : public Layer {
 public:
  explicit Add(const Shape& shape) : shape_(shape) {}

  Shape output_shape() const override { return shape_; }

  void fprop(const Pass& pass, const Operands& o) const override {
    const int64_t count = shape_.size() * pass.columns;
    for (int64_t i = 0; i < count; ++i) o.output[i] = o.inputs[0][i] + o.inputs[1][i];
    for (size_t k = 2; k < o.inputs.size(); ++k) {
      for (int64_t i = 0; i < count; ++i) o.output[i] += o.inputs[k][i];
    }
  }

  void bprop(const Pass& pass, const Operands&, const float* delta,
             std::span<const Sink> sinks) const override {
    const int64_t count = shape_.size() * pass.columns;
    for (const Sink& sink : sinks) {
      if (sink.data == nullptr) continue;
      for (int64_t i = 0; i < count; ++i) sink.data[i] = (sink.accumulate ? sink.data[i] : 0.0f) + delta[i];
    }
  }

 private:
  Shape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_add(LayerArguments& arguments, Inputs inputs) {
  for (const Shape& shape : inputs) {
    if (shape == inputs[0]) continue;
    arguments.complain(text("it cannot add ", inputs[0].to_string(), " and ", shape.to_string(),
                            "; expected inputs of one shape"));
  }
  return std::make_unique<Add>(inputs[0]);
}

}  // namespace lockstep::nn
