// One layer by itself, with everything that a pass needs: what the tests of layers share.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/kernels/layout.h"
#include "lockstep/nn/layer_table.h"
#include "support/values.h"

namespace lockstep::nn {

using Values = std::vector<float>;

inline double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

class LayerUnderTest {
 public:
  // `above`: the lines of what it reads, on a vector of six numbers, where it asks about them.
  LayerUnderTest(const std::string& line, const std::vector<Shape>& shapes, int64_t samples,
                 uint32_t position = 0, const NetworkSettings& settings = {},
                 const std::vector<std::string>& above = {}) {
    LayerArguments arguments({line, "a test"}, position, settings);
    arguments.set_sources(sources(above));
    layer_ = layer_type(arguments).make(arguments, shapes);
    pass_.samples = samples;
    pass_.columns = kernels::columns_for(samples);
    pass_.minibatch = samples;
    pass_.training = true;
    pass_.seed = 3;
    pass_.step = 11;
    uint32_t item = 0;
    for (const Shape& shape : shapes) {
      inputs_.push_back(test::random_values(shape.size() * pass_.columns, ++item));
    }
    for (const ParameterSpec& spec : layer_->parameters()) {
      int64_t size = 1;
      for (const int64_t d : spec.dims) size *= d;
      parameters_.push_back(test::random_values(size, ++item));
    }
    output_.resize(static_cast<size_t>(layer_->output_shape().size() * pass_.columns));
    saved_.resize(static_cast<size_t>(layer_->saved_floats(pass_.columns)));
    scratch_.resize(static_cast<size_t>(layer_->scratch_floats(pass_.columns)));
  }

  Pass& pass() { return pass_; }
  const Layer& layer() const { return *layer_; }
  std::vector<Values>& inputs() { return inputs_; }
  std::vector<Values>& parameters() { return parameters_; }
  bool is_sample(size_t index) const { return static_cast<int64_t>(index) % pass_.columns < pass_.samples; }

  // An output's derivative: random for the samples, zero in the columns beyond, as the losses leave it.
  Values output_delta() const {
    Values delta = test::random_values(static_cast<int64_t>(output_.size()), 99);
    for (size_t i = 0; i < delta.size(); ++i) delta[i] = is_sample(i) ? delta[i] : 0.0f;
    return delta;
  }

  Values& output() { return output_; }
  // Of the last fprop().
  double penalty() const { return layer_->penalty(saved_.data()); }

  const Values& fprop() {
    layer_->fprop(pass_, operands());
    return output_;
  }
  // Into `deltas`, one an input, and `gradients`, one a parameter; what is there is added to or replaced.
  void backward(const Values& delta, bool accumulate, std::vector<Values>& deltas,
                std::vector<Values>& gradients) {
    const auto sinks = [accumulate](std::vector<Values>& all) {
      std::vector<Sink> result;
      for (Values& values : all) result.push_back({values.data(), accumulate});
      return result;
    };
    if (!gradients.empty()) layer_->grad(pass_, operands(), delta.data(), sinks(gradients));
    layer_->bprop(pass_, operands(), delta.data(), sinks(deltas));
  }

  // The output over the first input, and the first input's derivative over the output's.
  const Values& fprop_in_place() {
    Operands all = operands();
    all.output = inputs_[0].data();
    layer_->fprop(pass_, all);
    return inputs_[0];
  }
  void backward_in_place(Values& delta) {
    std::vector<Values> others;
    std::vector<Sink> sinks;
    for (const Values& input : inputs_) others.emplace_back(input.size());
    for (Values& other : others) sinks.push_back({other.data(), false});
    sinks[0].data = delta.data();
    layer_->bprop(pass_, operands(), delta.data(), sinks);
  }

 private:
  LayerArguments::Sources sources(const std::vector<std::string>& above) {
    LayerArguments::Sources result;
    Shape shape{6, 1, 1};
    for (const std::string& line : above) {
      LayerArguments arguments({line, "a test"}, 0);
      above_.push_back(layer_type(arguments).make(arguments, {shape}));
      shape = above_.back()->output_shape();
      result = {Source{static_cast<int>(above_.size()) - 1, "'" + line + "'", above_.back().get()},
                result[0]};
    }
    return result;
  }

  Operands operands() {
    pointers_.clear();
    for (const Values& input : inputs_) pointers_.push_back(input.data());
    for (const Values& parameter : parameters_) pointers_.push_back(parameter.data());
    const std::span<const float* const> all(pointers_);
    return {all.first(inputs_.size()), all.subspan(inputs_.size()), output_.data(), saved_.data(),
            scratch_.data()};
  }

  std::vector<std::unique_ptr<Layer>> above_;
  std::unique_ptr<Layer> layer_;
  Pass pass_;
  std::vector<Values> inputs_;
  std::vector<Values> parameters_;
  Values output_;
  Values saved_;
  Values scratch_;
  std::vector<const float*> pointers_;
};

}  // namespace lockstep::nn
