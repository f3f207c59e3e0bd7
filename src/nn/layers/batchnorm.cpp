// batchnorm [momentum=0.9] [epsilon=1e-5] [statistics=microbatch]: each channel shifted and scaled to mean 0
// and variance 1, then to what is learned (Ioffe, Szegedy 2015):
//
//   y = weights[c] (x - mean[c]) / sqrt(variance[c] + epsilon) + bias[c]
//
// In training, mean and variance are those of the microbatch, over its samples and the positions of the
// picture ("ghost batch normalisation", Hoffer et al. 2017, algorithm 1): the size that matters is
// microbatch=, not batch-size=. With statistics=minibatch they are those of the whole minibatch, over all
// ranks (what others call synchronised): then all microbatches of a step go through the network side by side,
// and wait for each other at this layer, forward and backward.
//
// In evaluation they are running-mean and running-variance, which each step moves towards the mean over the
// minibatch's microbatches, weighed by their samples: r = momentum r + (1 - momentum) m. (PyTorch's momentum
// is 1 - momentum.) The variance that goes there is the unbiased one; where a channel has one value only, it
// is 0.
//
// With learn=no it is what it is in evaluation, in training too: its statistics are constants.
//
// weights start at 1, bias and running-mean at 0, running-variance at 1; all are C.
#include "lockstep/kernels/batchnorm.h"

#include <algorithm>

#include "layers.h"

namespace lockstep::nn {

namespace {

class Batchnorm : public Layer {
 public:
  Batchnorm(const Shape& shape, double momentum, double epsilon, bool observes, bool of_minibatch)
      : shape_(shape),
        momentum_(static_cast<float>(momentum)),
        epsilon_(static_cast<float>(epsilon)),
        observes_(observes),
        of_minibatch_(of_minibatch) {}

  Shape output_shape() const override { return shape_; }
  std::vector<ParameterSpec> parameters() const override {
    const std::vector<int64_t> dims = {shape_.channels};
    return {{"weights", dims, 0, 0, 1.0f},
            {"bias", dims},
            {"running-mean", dims, 0, 0, 0.0f, momentum_},
            {"running-variance", dims, 0, 0, 1.0f, momentum_}};
  }

  BackwardReads backward_reads() const override { return {.output = false}; }
  bool in_place() const override { return true; }
  int64_t saved_floats(int64_t) const override { return 4 * shape_.channels; }
  int64_t minibatch_sums() const override { return observes_ && of_minibatch_ ? 2 * shape_.channels : 0; }

  kernels::LayerWork work(int64_t) const override {
    // A value: mean, variance and their use; both sums in the derivative; the normalised value and two sums.
    const double values = static_cast<double>(shape_.size());
    return {kernels::vector_code(6 * values), kernels::vector_code(6 * values),
            kernels::vector_code(5 * values)};
  }

  // Sums of values and squares; backward those that grad() leaves.
  void terms(Way way, const Pass& pass, const Operands& o, double* terms) const override {
    const int64_t c = shape_.channels;
    const Saved saved = split(o.saved);
    if (way == Way::kForward) {
      kernels::batchnorm_sums(shape_of(pass), o.inputs[0], terms, terms + c);
    } else {
      std::copy_n(saved.delta_sum, c, terms);
      std::copy_n(saved.delta_dot_x, c, terms + c);
    }
  }
  void take(Way way, const Pass& pass, const double* sums, float* of_pass) const override {
    const int64_t c = shape_.channels;
    const Saved saved = split(of_pass);
    if (way == Way::kForward) {
      kernels::batchnorm_moments_of_sums(c, values_of(pass), sums, sums + c, saved.mean, saved.variance);
    } else {
      std::transform(sums, sums + c, saved.delta_sum, [](double sum) { return static_cast<float>(sum); });
      std::transform(sums + c, sums + 2 * c, saved.delta_dot_x,
                     [](double sum) { return static_cast<float>(sum); });
    }
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    const Saved saved = split(o.saved);
    if (!pass.training || !observes_) {
      std::copy_n(o.parameters[2], shape_.channels, saved.mean);
      std::copy_n(o.parameters[3], shape_.channels, saved.variance);
    } else if (!goes_together(pass)) {
      kernels::batchnorm_moments(shape_of(pass), o.inputs[0], saved.mean, saved.variance);
    }
    kernels::batchnorm_normalise(shape_of(pass), o.inputs[0], saved.mean, saved.variance, o.parameters[0],
                                 o.parameters[1], epsilon_, o.output);
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    const Saved saved = split(o.saved);
    if (!observes_) {  // of constants nothing comes back
      std::fill_n(saved.delta_sum, shape_.channels, 0.0f);
      std::fill_n(saved.delta_dot_x, shape_.channels, 0.0f);
    }
    kernels::batchnorm_bprop(shape_of(pass), o.inputs[0], saved.mean, saved.variance, o.parameters[0],
                             epsilon_, delta, values_of(pass), saved.delta_sum, saved.delta_dot_x,
                             sinks[0].accumulate, sinks[0].data);
  }

  // Leaves the two sums of the microbatch for bprop, or for terms().
  void grad(const Pass& pass, const Operands& o, const float* delta,
            std::span<const Sink> sinks) const override {
    const Saved saved = split(o.saved);
    const kernels::BatchnormShape shape = shape_of(pass);
    kernels::batchnorm_grad(shape, o.inputs[0], saved.mean, saved.variance, epsilon_, delta, saved.delta_sum,
                            saved.delta_dot_x);
    const float share = static_cast<float>(pass.samples) / static_cast<float>(pass.minibatch);
    const int64_t values = values_of(pass);
    const float unbiased = static_cast<float>(values) / static_cast<float>(std::max<int64_t>(values - 1, 1));
    put(saved.delta_dot_x, 1.0f, sinks[0]);
    put(saved.delta_sum, 1.0f, sinks[1]);
    if (!observes_) return;
    put(saved.mean, share, sinks[2]);
    put(saved.variance, share * unbiased, sinks[3]);
  }

 private:
  // One number a channel each.
  struct Saved {
    float* mean;
    float* variance;
    float* delta_sum;
    float* delta_dot_x;
  };
  Saved split(float* saved) const {
    const int64_t c = shape_.channels;
    return {saved, saved + c, saved + 2 * c, saved + 3 * c};
  }

  bool goes_together(const Pass& pass) const { return pass.together && minibatch_sums() > 0; }
  // Of a channel, that mean and variance are of.
  int64_t values_of(const Pass& pass) const {
    return shape_.height * shape_.width * (goes_together(pass) ? pass.minibatch : pass.samples);
  }

  kernels::BatchnormShape shape_of(const Pass& pass) const {
    return {shape_.channels, shape_.height * shape_.width, pass.samples, pass.columns};
  }

  void put(const float* values, float factor, const Sink& sink) const {
    if (sink.data == nullptr) return;
    for (int64_t c = 0; c < shape_.channels; ++c)
      sink.data[c] = (sink.accumulate ? sink.data[c] : 0.0f) + factor * values[c];
  }

  Shape shape_;
  float momentum_;
  float epsilon_;
  bool observes_;
  bool of_minibatch_;
};

}  // namespace

std::unique_ptr<Layer> make_batchnorm(LayerArguments& arguments, Inputs inputs) {
  const double momentum = arguments.real("momentum", 0, 1, 0.9);
  const double epsilon = arguments.real("epsilon", 1e-12, 1, 1e-5);
  const std::string statistics = arguments.word("statistics", "microbatch");
  if (statistics != "microbatch" && statistics != "minibatch") {
    arguments.complain("statistics=" + statistics + " cannot be used; expected microbatch or minibatch");
  }
  return std::make_unique<Batchnorm>(inputs[0], momentum, epsilon, arguments.learns(),
                                     statistics == "minibatch");
}

}  // namespace lockstep::nn
