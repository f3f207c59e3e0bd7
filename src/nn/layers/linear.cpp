// linear UNITS [bias=no]: y = W x + b on the flattened input; weights are OI, bias is O.
//
// With tied=NAME the weights are those of another linear layer, transposed: y = W^T x + b, W stored as that
// layer has it.
#include <algorithm>
#include <array>

#include "layers.h"
#include "lockstep/kernels/dense_gradient.h"
#include "lockstep/kernels/dense_product.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::nn {

namespace {

using kernels::Transpose;

class Linear : public Layer {
 public:
  Linear(int64_t inputs, int64_t units, bool bias, bool transposed, kernels::Precision precision)
      : inputs_(inputs), units_(units), bias_(bias), transposed_(transposed), precision_(precision) {}

  Shape output_shape() const override { return {units_, 1, 1}; }

  std::vector<ParameterSpec> parameters() const override {
    const std::vector<int64_t> dims =
        transposed_ ? std::vector<int64_t>{inputs_, units_} : std::vector<int64_t>{units_, inputs_};
    std::vector<ParameterSpec> specs = {{"weights", dims, inputs_, units_}};
    if (bias_) specs.push_back({"bias", {units_}});
    return specs;
  }

  BackwardReads backward_reads() const override { return {.output = false}; }
  int64_t scratch_floats(int64_t) const override { return kernels::gemm_scratch(precision_); }

  std::optional<AffineMap> affine_map(std::span<const float* const> parameters) const override {
    AffineMap map{units_, inputs_, std::vector<double>(static_cast<size_t>(units_ * inputs_)),
                  std::vector<double>(static_cast<size_t>(units_))};
    if (bias_) map.offset.assign(parameters[1], parameters[1] + units_);
    for (int64_t o = 0; o < units_; ++o) {
      for (int64_t i = 0; i < inputs_; ++i) {
        map.matrix[static_cast<size_t>(o * inputs_ + i)] =
            static_cast<double>(parameters[0][transposed_ ? i * units_ + o : o * inputs_ + i]);
      }
    }
    return map;
  }

  std::optional<DenseWeights> dense_weights() const override {
    return DenseWeights{units_, inputs_, transposed_};
  }

  kernels::LayerWork work(int64_t columns) const override {
    const double flops = 2.0 * static_cast<double>(inputs_) * static_cast<double>(units_);
    const int64_t rows = transposed_ ? inputs_ : units_;
    return {
        {flops, kernels::dense_product_text(precision_, units_, columns, inputs_)},
        {flops, kernels::dense_product_text(precision_, inputs_, columns, units_)},
        {flops, kernels::gemm_kernel(precision_, rows, row_length(), columns)},
        joint_rows() == 0 ? kernels::Work{} : kernels::Work{flops, kernels::dense_gradient_text(precision_)}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::dense_product(precision_, units_, pass.columns, inputs_,
                           {o.parameters[0], transposed_ ? Transpose::kYes : Transpose::kNo}, o.inputs[0],
                           bias_ ? o.parameters[1] : nullptr, false, o.output, o.scratch);
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    kernels::dense_product(precision_, inputs_, pass.columns, units_,
                           {o.parameters[0], transposed_ ? Transpose::kNo : Transpose::kYes}, delta, nullptr,
                           sinks[0].accumulate, sinks[0].data, o.scratch);
  }

  void grad(const Pass& pass, const Operands& o, const float* delta,
            std::span<const Sink> sinks) const override {
    if (bias_ && sinks[1].data != nullptr)
      kernels::row_sums(units_, pass.columns, delta, sinks[1].accumulate, sinks[1].data);
    if (sinks[0].data == nullptr) return;
    const float* left = transposed_ ? o.inputs[0] : delta;
    const float* right = transposed_ ? delta : o.inputs[0];
    const int64_t rows = transposed_ ? inputs_ : units_;
    kernels::gemm(precision_, Transpose::kNo, Transpose::kYes, rows, row_length(), pass.columns, left,
                  pass.columns, right, pass.columns, sinks[0].accumulate, sinks[0].data, row_length(),
                  o.scratch);
  }

  int64_t joint_rows() const override { return transposed_ ? 0 : units_; }
  int64_t kept_floats(int64_t columns) const override {
    return kernels::dense_sample_floats(precision_, inputs_, units_, columns);
  }
  void keep(const Pass& pass, const Operands& o, const float* delta, float* kept) const override {
    kernels::keep_dense_sample(precision_, inputs_, units_, pass.columns, o.inputs[0], delta, kept);
  }
  void joint_grad(std::span<const Kept> microbatches, std::span<const int> merges, int64_t begin, int64_t end,
                  float* gradient) const override {
    std::array<kernels::DenseSample, kMostJoint> samples;
    for (size_t m = 0; m < microbatches.size(); ++m) {
      samples[m] = {microbatches[m].values, microbatches[m].columns};
    }
    kernels::dense_gradient(precision_, inputs_, begin, end - begin,
                            std::span(samples).first(microbatches.size()), merges, gradient);
  }

 private:
  int64_t row_length() const { return transposed_ ? units_ : inputs_; }

  int64_t inputs_;
  int64_t units_;
  bool bias_;
  bool transposed_;
  kernels::Precision precision_;
};

}  // namespace

std::unique_ptr<Layer> make_linear(LayerArguments& arguments, Inputs inputs) {
  const int64_t units = arguments.leading_whole("units", 1);
  const bool bias = arguments.yes_or_no("bias", true);
  return std::make_unique<Linear>(inputs[0].size(), units, bias, arguments.has("tied"),
                                  arguments.settings().precision);
}

}  // namespace lockstep::nn
