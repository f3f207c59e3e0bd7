// centres COUNT: s_k = w_k.x - |w_k|^2 / 2 on the flattened input; the weights are the centres, one a row.
//
// 2 s_k = |x|^2 - |x - w_k|^2: the largest s is that of the nearest centre. With `winner` behind it, and its
// weights, transposed, as the decoder, this is K-means as an autoencoder. The derivative with respect to the
// weights has the second term's part: ds_k / dw_k = x - w_k.
#include "lockstep/kernels/centres.h"

#include <cmath>

#include "layers.h"
#include "lockstep/kernels/dense_product.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::nn {

namespace {

using kernels::Transpose;

class Centres : public Layer {
 public:
  Centres(int64_t inputs, int64_t count, kernels::Precision precision)
      : inputs_(inputs), count_(count), precision_(precision) {}

  Shape output_shape() const override { return {count_, 1, 1}; }
  std::vector<ParameterSpec> parameters() const override {
    return {{"weights", {count_, inputs_}, inputs_, count_}};
  }
  BackwardReads backward_reads() const override { return {.output = false}; }
  // A number a centre, and the products' own.
  int64_t scratch_floats(int64_t) const override { return count_ + kernels::gemm_scratch(precision_); }

  std::optional<AffineMap> affine_map(std::span<const float* const> parameters) const override {
    AffineMap map{count_, inputs_, {parameters[0], parameters[0] + count_ * inputs_}, {}};
    for (int64_t k = 0; k < count_; ++k) {
      double squares = 0;
      for (int64_t i = 0; i < inputs_; ++i) {
        squares += std::pow(map.matrix[static_cast<size_t>(k * inputs_ + i)], 2);
      }
      map.offset.push_back(-squares / 2);
    }
    return map;
  }

  kernels::LayerWork work(int64_t columns) const override {
    const double flops = 2.0 * static_cast<double>(inputs_) * static_cast<double>(count_);
    return {{flops, kernels::dense_product_text(precision_, count_, columns, inputs_)},
            {flops, kernels::dense_product_text(precision_, inputs_, columns, count_)},
            {flops, kernels::gemm_kernel(precision_, count_, inputs_, columns)}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    kernels::centre_offsets(count_, inputs_, o.parameters[0], o.scratch);
    kernels::dense_product(precision_, count_, pass.columns, inputs_, {o.parameters[0], Transpose::kNo},
                           o.inputs[0], o.scratch, false, o.output, o.scratch + count_);
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    kernels::dense_product(precision_, inputs_, pass.columns, count_, {o.parameters[0], Transpose::kYes},
                           delta, nullptr, sinks[0].accumulate, sinks[0].data, o.scratch + count_);
  }

  void grad(const Pass& pass, const Operands& o, const float* delta,
            std::span<const Sink> sinks) const override {
    float* gradient = sinks[0].data;
    kernels::gemm(precision_, Transpose::kNo, Transpose::kYes, count_, inputs_, pass.columns, delta,
                  pass.columns, o.inputs[0], pass.columns, sinks[0].accumulate, gradient, inputs_,
                  o.scratch + count_);
    kernels::row_sums(count_, pass.columns, delta, false, o.scratch);
    for (int64_t k = 0; k < count_; ++k) {
      const float* centre = o.parameters[0] + k * inputs_;
      for (int64_t i = 0; i < inputs_; ++i) gradient[k * inputs_ + i] -= o.scratch[k] * centre[i];
    }
  }

 private:
  int64_t inputs_;
  int64_t count_;
  kernels::Precision precision_;
};

}  // namespace

std::unique_ptr<Layer> make_centres(LayerArguments& arguments, Inputs inputs) {
  const int64_t count = arguments.leading_whole("count", 1);
  return std::make_unique<Centres>(inputs[0].size(), count, arguments.settings().precision);
}

}  // namespace lockstep::nn
