// dropout [RATE=0.5]: in training each value is set to zero with this probability and else divided by 1 -
// RATE, so that evaluation needs no change (Srivastava et al. 2014, in its inverted form).
//
// Which values fall is a function of (seed, step, the sample's place in the minibatch, layer, feature) alone.
#include "layers.h"
#include "lockstep/core/random.h"

namespace lockstep::nn {

namespace {

class Dropout : public Layer {
 public:
  Dropout(const Shape& shape, double rate, uint32_t stream)
      : shape_(shape),
        // A value falls where 16 random bits are below the rate, in units of 2^-16.
        threshold_(static_cast<uint32_t>(rate * 65536.0 + 0.5)),
        scale_(static_cast<float>(1.0 / (1.0 - rate))),
        stream_(stream) {}

  Shape output_shape() const override { return shape_; }
  BackwardReads backward_reads() const override { return {.inputs = false, .output = false}; }
  bool in_place() const override { return true; }
  int64_t saved_floats(int64_t columns) const override {
    return shape_.size() * columns;
  }  // 0 or 1 / (1 - rate)

  kernels::LayerWork work(int64_t) const override {
    const double flops = static_cast<double>(shape_.size());
    return {{flops, "vector code; random bits by Philox"}, kernels::vector_code(flops), {}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    const int64_t count = shape_.size() * pass.columns;
    if (!pass.training) {
      for (int64_t i = 0; i < count; ++i) o.output[i] = o.inputs[0][i];
      return;
    }
    for (int64_t n = 0; n < pass.columns; ++n) draw(pass, n, o.saved);
    for (int64_t i = 0; i < count; ++i) o.output[i] = o.inputs[0][i] * o.saved[i];
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    const int64_t count = shape_.size() * pass.columns;
    float* to = sinks[0].data;
    if (sinks[0].accumulate) {
      for (int64_t i = 0; i < count; ++i) to[i] += delta[i] * o.saved[i];
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = delta[i] * o.saved[i];
    }
  }

 private:
  // One sample's factors: eight features to a block of random bits.
  void draw(const Pass& pass, int64_t n, float* factors) const {
    const RandomStream stream(pass.seed, Purpose::kDropout, pass.first_sample + static_cast<uint32_t>(n),
                              pass.step, stream_);
    const int64_t features = shape_.size();
    for (int64_t feature = 0; feature < features; feature += 8) {
      const auto words = stream.block(static_cast<uint32_t>(feature / 8));
      for (int64_t k = 0; k < 8 && feature + k < features; ++k) {
        const uint32_t bits = (words[static_cast<size_t>(k / 2)] >> (16 * (k % 2))) & 0xffff;
        factors[(feature + k) * pass.columns + n] = bits < threshold_ ? 0.0f : scale_;
      }
    }
  }

  Shape shape_;
  uint32_t threshold_;
  float scale_;
  uint32_t stream_;
};

}  // namespace

std::unique_ptr<Layer> make_dropout(LayerArguments& arguments, Inputs inputs) {
  const double rate = arguments.leading_real("rate", 0, 1, 0.5);
  return std::make_unique<Dropout>(inputs[0], rate, arguments.position());
}

}  // namespace lockstep::nn
