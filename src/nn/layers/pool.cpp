// maxpool WINDOW [stride=S] [edge=keep] and avgpool likewise: the largest value, or the mean, of each square
// window. The stride is the window unless given. What does not fill a window at the right and the bottom is
// left out (edge=drop, the default), or pooled in windows clipped to the picture (edge=keep: ceil((in -
// window) / stride) + 1 outputs, known as ceil mode; a mean is then of the cells that are there).
//
// globalavgpool: the mean of each channel.
#include "layers.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/pooling.h"

namespace lockstep::nn {

namespace {

class Pool : public Layer {
 public:
  explicit Pool(const kernels::PoolingShape& shape) : shape_(shape) {}
  Shape output_shape() const override { return {shape_.channels, shape_.out_height(), shape_.out_width()}; }

  BackwardReads backward_reads() const override { return {.inputs = false, .output = false}; }

  kernels::LayerWork work(int64_t) const override {
    // A comparison or an addition for each value of each window, there and back.
    const double flops = static_cast<double>(output_shape().size() * shape_.window * shape_.window);
    return {kernels::vector_code(flops), kernels::vector_code(flops), {}};
  }

 protected:
  kernels::PoolingShape shape_;
};

class MaxPool : public Pool {
 public:
  using Pool::Pool;

  // A byte an output: which cell of its window was the largest.
  int64_t saved_floats(int64_t columns) const override { return (output_shape().size() * columns + 3) / 4; }

  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::maxpool_fprop(shape_, pass.columns, o.inputs[0], o.output, places(o));
  }
  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    kernels::maxpool_bprop(shape_, pass.columns, delta, places(o), sinks[0].accumulate, sinks[0].data);
  }

 private:
  static uint8_t* places(const Operands& o) { return reinterpret_cast<uint8_t*>(o.saved); }
};

class AvgPool : public Pool {
 public:
  using Pool::Pool;
  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::avgpool_fprop(shape_, pass.columns, o.inputs[0], o.output);
  }
  void bprop(const Pass& pass, const Operands&, const float* delta,
             std::span<const Sink> sinks) const override {
    kernels::avgpool_bprop(shape_, pass.columns, delta, sinks[0].accumulate, sinks[0].data);
  }
};

}  // namespace

kernels::PoolingShape pooling_shape(LayerArguments& arguments, const Shape& in) {
  kernels::PoolingShape shape{in.channels, in.height, in.width, 0, 0};
  shape.window = arguments.leading_whole("window", 1);
  shape.stride = arguments.whole("stride", 1, shape.window);
  const std::string edge = arguments.word("edge", "drop");
  if (edge != "drop" && edge != "keep") {
    arguments.complain("edge = " + edge + " cannot be used; expected drop or keep");
  }
  shape.clip = edge == "keep";
  constexpr int64_t kLargestWindow = 15;  // a cell's number is kept in a byte
  if (shape.window > kLargestWindow) {
    arguments.complain(
        text("a window of ", shape.window, " is too large; expected at most ", kLargestWindow));
  }
  if (!shape.fits()) {
    arguments.complain(text("its window of ", shape.window, " leaves no output on its input of ",
                            in.to_string(), "; take a smaller window or pool less before it"));
  }
  return shape;
}

std::unique_ptr<Layer> make_maxpool(LayerArguments& arguments, Inputs inputs) {
  return std::make_unique<MaxPool>(pooling_shape(arguments, inputs[0]));
}

std::unique_ptr<Layer> make_avgpool(LayerArguments& arguments, Inputs inputs) {
  return std::make_unique<AvgPool>(pooling_shape(arguments, inputs[0]));
}

std::unique_ptr<Layer> make_globalavgpool(LayerArguments&, Inputs inputs) {
  const Shape& in = inputs[0];
  const int64_t all = std::max(in.height, in.width);
  return std::make_unique<AvgPool>(
      kernels::PoolingShape{in.channels, in.height, in.width, all, all, /*clip=*/true});
}

}  // namespace lockstep::nn
