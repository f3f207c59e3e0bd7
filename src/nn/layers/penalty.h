// What the penalties have in common: they pass their input h on, and in training they add to the loss
//
//   P = the sum over samples n and features f of weight_f p(h_fn)
//
// What training minimises being a mean over the minibatch, bprop adds weight_f p'(h_fn) / minibatch.
#pragma once

#include <algorithm>
#include <cstring>

#include "lockstep/kernels/layout.h"
#include "lockstep/nn/layer.h"

namespace lockstep::nn {

// `Function` has cost(h) = p(h), slope(h) = p'(h) and kFlops of the two together.
template <class Function>
class Penalty : public Layer {
 public:
  Penalty(const Shape& shape, Function function) : shape_(shape), function_(function) {}

  Shape output_shape() const override { return shape_; }
  BackwardReads backward_reads() const override { return {.inputs = false}; }
  bool in_place() const override { return true; }
  bool is_penalty() const override { return true; }
  // The weights, and P as a double.
  int64_t saved_floats(int64_t) const override { return shape_.size() + kSumFloats; }

  kernels::LayerWork work(int64_t) const override {
    const double flops = static_cast<double>(shape_.size()) * (Function::kFlops + 2);
    return {kernels::vector_code(flops), kernels::vector_code(flops), {}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    if (o.output != o.inputs[0]) std::copy_n(o.inputs[0], shape_.size() * pass.columns, o.output);
    if (!pass.training) return;
    const double sum = assess(pass, o, o.saved);
    std::memcpy(o.saved + shape_.size(), &sum, sizeof sum);
  }

  double penalty(const float* saved) const override {
    double sum = 0;
    std::memcpy(&sum, saved + shape_.size(), sizeof sum);
    return sum;
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    const bool accumulate = sinks[0].accumulate;
    for (int64_t f = 0; f < shape_.size(); ++f) {
      const float weight = o.saved[f] / static_cast<float>(pass.minibatch);
      const int64_t row = f * pass.columns;
      const float* h = o.output + row;
      const float* from = delta + row;
      float* to = sinks[0].data + row;
      for (int64_t n = 0; n < pass.columns; ++n) {
        const float own = n < pass.samples ? weight * function_.slope(h[n]) : 0.0f;
        to[n] = (accumulate ? to[n] : 0.0f) + (from[n] + own);
      }
    }
  }

 protected:
  // P of the microbatch; fills the weights, one a feature.
  virtual double assess(const Pass& pass, const Operands& operands, float* weights) const = 0;

  // In the order of the features for each sample, then of the samples.
  double weighed_sum(const Pass& pass, const float* h, const float* weights) const {
    double sum = 0;
    for (int64_t n = 0; n < pass.samples; n += kernels::kLanes) {
      float lanes[kernels::kLanes] = {};
      for (int64_t f = 0; f < shape_.size(); ++f) {
        const float* row = h + f * pass.columns + n;
        for (int64_t l = 0; l < kernels::kLanes; ++l) lanes[l] += weights[f] * function_.cost(row[l]);
      }
      for (int64_t l = 0; l < std::min(kernels::kLanes, pass.samples - n); ++l)
        sum += static_cast<double>(lanes[l]);
    }
    return sum;
  }

  Shape shape_;
  Function function_;

 private:
  static constexpr int64_t kSumFloats = sizeof(double) / sizeof(float);
};

}  // namespace lockstep::nn
