// conv CHANNELS kernel=K [stride=S] [pad=P] [bias=no]: two-dimensional convolution, with a bias a channel
// unless told otherwise (before a batch normalisation, which takes it out again).
//
//   y[o] = b[o] + sum_c w[o][c] * x[c]   (cross-correlation; LeCun et al. 1998)
//
// weights are OIHW, bias is O.
#include "layers.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::nn {

namespace {

class Conv : public Layer {
 public:
  Conv(const kernels::ConvolutionShape& shape, bool bias) : shape_(shape), bias_(bias) {}

  Shape output_shape() const override {
    return {shape_.out_channels, shape_.out_height(), shape_.out_width()};
  }

  std::vector<ParameterSpec> parameters() const override {
    const int64_t window = shape_.kernel_height * shape_.kernel_width;
    std::vector<ParameterSpec> specs = {
        {"weights",
         {shape_.out_channels, shape_.in_channels, shape_.kernel_height, shape_.kernel_width},
         shape_.taps(),
         shape_.out_channels * window}};
    if (bias_) specs.push_back({"bias", {shape_.out_channels}});
    return specs;
  }

  kernels::LayerWork work(int64_t) const override { return kernels::convolution_work(shape_); }
  BackwardReads backward_reads() const override { return {.output = false}; }
  int64_t scratch_floats(int64_t columns) const override {
    return kernels::convolution_scratch(shape_, columns);
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::convolution_fprop(shape_, pass.columns, o.inputs[0], o.parameters[0],
                               bias_ ? o.parameters[1] : nullptr, o.output, o.scratch);
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    kernels::convolution_bprop(shape_, pass.columns, delta, o.parameters[0], sinks[0].accumulate,
                               sinks[0].data, o.scratch);
  }

  void grad(const Pass& pass, const Operands& o, const float* delta,
            std::span<const Sink> sinks) const override {
    kernels::convolution_grad(shape_, pass.columns, o.inputs[0], delta, sinks[0].accumulate, sinks[0].data,
                              o.scratch);
    if (!bias_) return;
    kernels::row_sums(shape_.out_channels, shape_.out_height() * shape_.out_width() * pass.columns, delta,
                      sinks[1].accumulate, sinks[1].data);
  }

 private:
  kernels::ConvolutionShape shape_;
  bool bias_;
};

}  // namespace

kernels::ConvolutionShape convolution_shape(LayerArguments& arguments, const Shape& in,
                                            const std::string& beyond) {
  kernels::ConvolutionShape shape{};
  shape.in_channels = in.channels;
  shape.in_height = in.height;
  shape.in_width = in.width;
  shape.out_channels = arguments.leading_whole("channels", 1);
  shape.kernel_height = shape.kernel_width = arguments.required_whole("kernel", 1);
  shape.stride = arguments.whole("stride", 1, 1);
  shape.pad = arguments.whole("pad", 0, 0);
  shape.winograd = arguments.settings().winograd;
  shape.precision = arguments.settings().precision;
  if (shape.pad >= shape.kernel_height) {
    arguments.complain(
        text("pad=", shape.pad, " ", beyond, " of ", shape.kernel_height, "; expected less than the kernel"));
  }
  return shape;
}

std::unique_ptr<Layer> make_conv(LayerArguments& arguments, Inputs inputs) {
  const Shape in = inputs[0];
  const kernels::ConvolutionShape shape = convolution_shape(arguments, in, "reaches beyond its kernel");
  if (shape.kernel_height > in.height + 2 * shape.pad || shape.kernel_width > in.width + 2 * shape.pad) {
    arguments.complain(text("its kernel of ", shape.kernel_height, "x", shape.kernel_width,
                            " is larger than its padded input of ", in.height + 2 * shape.pad, "x",
                            in.width + 2 * shape.pad, " (input ", in.to_string(), ", pad ", shape.pad,
                            "); take a smaller kernel=, a larger pad=, or pool less before it"));
  }
  return std::make_unique<Conv>(shape, arguments.yes_or_no("bias", true));
}

}  // namespace lockstep::nn
