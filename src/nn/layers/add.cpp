// add from=A,B[,...]: the sum of two or more activations of one shape.
#include "layers.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/vector.h"

namespace lockstep::nn {

namespace {

class Add : public Layer {
 public:
  Add(const Shape& shape, size_t inputs) : shape_(shape), inputs_(inputs) {}

  Shape output_shape() const override { return shape_; }
  BackwardReads backward_reads() const override { return {.inputs = false, .output = false}; }
  bool in_place() const override { return true; }

  kernels::LayerWork work(int64_t) const override {
    const double flops = static_cast<double>(shape_.size()) * static_cast<double>(inputs_ - 1);
    return {kernels::vector_code(flops), kernels::vector_code(flops), {}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    const int64_t count = shape_.size() * pass.columns;
    for (int64_t i = 0; i < count; i += kernels::kLanes) {
      kernels::Vector sum = kernels::load(o.inputs[0] + i);
      for (size_t k = 1; k < o.inputs.size(); ++k) sum += kernels::load(o.inputs[k] + i);
      kernels::store(sum, o.output + i);
    }
  }

  void bprop(const Pass& pass, const Operands&, const float* delta,
             std::span<const Sink> sinks) const override {
    const int64_t count = shape_.size() * pass.columns;
    for (const Sink& sink : sinks) {
      if (sink.data == nullptr) continue;
      if (sink.data == delta && !sink.accumulate) continue;
      for (int64_t i = 0; i < count; ++i) sink.data[i] = (sink.accumulate ? sink.data[i] : 0.0f) + delta[i];
    }
  }

 private:
  Shape shape_;
  size_t inputs_;
};

}  // namespace

std::unique_ptr<Layer> make_add(LayerArguments& arguments, Inputs inputs) {
  for (const Shape& shape : inputs) {
    if (shape == inputs[0]) continue;
    arguments.complain(text("it cannot add ", inputs[0].to_string(), " and ", shape.to_string(),
                            "; expected inputs of one shape"));
  }
  return std::make_unique<Add>(inputs[0], inputs.size());
}

}  // namespace lockstep::nn
