// deconv CHANNELS kernel=K [stride=S] [pad=P]: transposed convolution with a bias a channel; each value of
// the input paints its kernel, S positions from its neighbour's, and P positions are cut off all around. A
// side of n becomes (n - 1) S + K - 2 P.
//
//   y = b + C^T x, where C is the convolution of y's shape to x's   (Zeiler et al. 2010; Dumoulin, Visin
//   2016, 4)
//
// So its three functions are those of that convolution, exchanged. weights are [in, out, height, width],
// which is that convolution's OIHW; bias is O. With tied=NAME the weights are those of a conv above, whose
// transpose it then is.
#include <algorithm>
#include <utility>

#include "layers.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::nn {

namespace {

class Deconv : public Layer {
 public:
  // Of the convolution from the output to the input.
  explicit Deconv(const kernels::ConvolutionShape& shape) : shape_(shape) {}

  Shape output_shape() const override { return {shape_.in_channels, shape_.in_height, shape_.in_width}; }

  std::vector<ParameterSpec> parameters() const override {
    const int64_t window = shape_.kernel_height * shape_.kernel_width;
    // An output lies under one kernel in stride^2 of each input channel's.
    const int64_t reaching = shape_.out_channels * window / (shape_.stride * shape_.stride);
    return {{"weights",
             {shape_.out_channels, shape_.in_channels, shape_.kernel_height, shape_.kernel_width},
             std::max<int64_t>(reaching, 1),
             shape_.in_channels * window},
            {"bias", {shape_.in_channels}}};
  }

  BackwardReads backward_reads() const override { return {.output = false}; }
  int64_t scratch_floats(int64_t columns) const override {
    return kernels::convolution_scratch(shape_, columns) + input_size() * columns;
  }

  kernels::LayerWork work(int64_t) const override {
    kernels::LayerWork work = kernels::convolution_work(shape_);
    std::swap(work.fprop, work.bprop);
    return work;
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::convolution_bprop(shape_, pass.columns, o.inputs[0], o.parameters[0], false, o.output,
                               o.scratch);
    const int64_t plane = output_plane(pass);
    kernels::add_to_rows(shape_.in_channels, plane, o.parameters[1], o.output, plane);
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    const int64_t count = input_size() * pass.columns;
    float* to = sinks[0].accumulate ? o.scratch : sinks[0].data;
    kernels::convolution_fprop(shape_, pass.columns, delta, o.parameters[0], nullptr, to, o.scratch + count);
    if (!sinks[0].accumulate) return;
    for (int64_t i = 0; i < count; ++i) sinks[0].data[i] += to[i];
  }

  void grad(const Pass& pass, const Operands& o, const float* delta,
            std::span<const Sink> sinks) const override {
    if (sinks[0].data != nullptr) {
      kernels::convolution_grad(shape_, pass.columns, delta, o.inputs[0], sinks[0].accumulate, sinks[0].data,
                                o.scratch);
    }
    if (sinks[1].data != nullptr)
      kernels::row_sums(shape_.in_channels, output_plane(pass), delta, sinks[1].accumulate, sinks[1].data);
  }

 private:
  int64_t input_size() const { return shape_.out_channels * shape_.out_height() * shape_.out_width(); }
  int64_t output_plane(const Pass& pass) const { return shape_.in_height * shape_.in_width * pass.columns; }

  kernels::ConvolutionShape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_deconv(LayerArguments& arguments, Inputs inputs) {
  const Shape in = inputs[0];
  kernels::ConvolutionShape shape = convolution_shape(arguments, in, "cuts off whole kernels");
  std::swap(shape.in_channels, shape.out_channels);
  shape.in_height = (in.height - 1) * shape.stride + shape.kernel_height - 2 * shape.pad;
  shape.in_width = (in.width - 1) * shape.stride + shape.kernel_width - 2 * shape.pad;
  if (shape.in_height < 1 || shape.in_width < 1) {
    arguments.complain(text("pad=", shape.pad, " leaves no output: its input of ", in.to_string(),
                            " becomes ", shape.in_height, "x", shape.in_width,
                            "; take a smaller pad=, or a larger kernel="));
  }
  return std::make_unique<Deconv>(shape);
}

}  // namespace lockstep::nn
