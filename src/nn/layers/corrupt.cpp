// corrupt KIND AMOUNT: what a denoising autoencoder sees in place of the values that it is to restore, in
// training only (Vincent et al. 2010, section 3.3):
//
//   masking RATE          each value becomes 0 with this probability
//   salt-and-pepper RATE  each value becomes low= (0) or high= (1), with half of this probability each
//   gaussian SIGMA        normal noise of this standard deviation is added
//
// What happens to a value is a function of (seed, step, the sample's place in the minibatch, layer, feature)
// alone.
#include <bit>

#include "layers.h"
#include "lockstep/core/random.h"
#include "lockstep/kernels/vector_math.h"

namespace lockstep::nn {

namespace {

class Corruption : public Layer {
 public:
  Corruption(const Shape& shape, uint32_t stream) : shape_(shape), stream_(stream) {}

  Shape output_shape() const override { return shape_; }
  BackwardReads backward_reads() const override { return {.inputs = false, .output = false}; }
  bool in_place() const override { return true; }

  void fprop(const Pass& pass, const Operands& o) const override {
    if (pass.training) return corrupt(pass, o);
    const int64_t count = shape_.size() * pass.columns;
    for (int64_t i = 0; i < count; ++i) o.output[i] = o.inputs[0][i];
  }

 protected:
  virtual void corrupt(const Pass& pass, const Operands& operands) const = 0;

  RandomStream random(const Pass& pass, int64_t sample) const {
    return RandomStream(pass.seed, Purpose::kCorrupt, pass.first_sample + static_cast<uint32_t>(sample),
                        pass.step, stream_);
  }

  Shape shape_;

 private:
  uint32_t stream_;
};

// Masking, and salt and pepper: some values give way to a lower or a higher one.
class Replacement : public Corruption {
 public:
  Replacement(const Shape& shape, uint32_t stream, double rate_low, double rate_high, double low, double high)
      : Corruption(shape, stream),
        below_low_(static_cast<uint32_t>(rate_low * 65536.0 + 0.5)),
        below_high_(static_cast<uint32_t>((rate_low + rate_high) * 65536.0 + 0.5)),
        low_(static_cast<float>(low)),
        high_(static_cast<float>(high)) {}

  // 1 where a value stays, 0 where it is replaced.
  int64_t saved_floats(int64_t columns) const override { return shape_.size() * columns; }

  kernels::LayerWork work(int64_t) const override {
    const double flops = static_cast<double>(shape_.size());
    return {{2 * flops, "vector code; random bits by Philox"}, kernels::vector_code(flops), {}};
  }

  void bprop(const Pass& pass, const Operands& o, const float* delta,
             std::span<const Sink> sinks) const override {
    const int64_t count = shape_.size() * pass.columns;
    float* to = sinks[0].data;
    const bool accumulate = sinks[0].accumulate;
    for (int64_t i = 0; i < count; ++i) to[i] = (accumulate ? to[i] : 0.0f) + delta[i] * o.saved[i];
  }

 protected:
  void corrupt(const Pass& pass, const Operands& o) const override {
    for (int64_t n = 0; n < pass.columns; ++n) draw(pass, n, o);
  }

 private:
  // One sample: eight features to a block of random bits, 16 each.
  void draw(const Pass& pass, int64_t n, const Operands& o) const {
    const RandomStream stream = random(pass, n);
    const int64_t features = shape_.size();
    for (int64_t feature = 0; feature < features; feature += 8) {
      const auto words = stream.block(static_cast<uint32_t>(feature / 8));
      for (int64_t k = 0; k < 8 && feature + k < features; ++k) {
        const uint32_t bits = (words[static_cast<size_t>(k / 2)] >> (16 * (k % 2))) & 0xffff;
        const int64_t i = (feature + k) * pass.columns + n;
        o.saved[i] = bits < below_high_ ? 0.0f : 1.0f;
        o.output[i] = bits < below_low_ ? low_ : bits < below_high_ ? high_ : o.inputs[0][i];
      }
    }
  }

  // A value is replaced by low_ where 16 random bits are below the first, by high_ where below the second.
  uint32_t below_low_;
  uint32_t below_high_;
  float low_;
  float high_;
};

class GaussianNoise : public Corruption {
 public:
  GaussianNoise(const Shape& shape, uint32_t stream, double sigma)
      : Corruption(shape, stream), sigma_(static_cast<float>(sigma)) {}

  // A random word a value, and one more where features are odd: normal numbers come in pairs.
  int64_t scratch_floats(int64_t columns) const override { return (shape_.size() + 1) / 2 * 2 * columns; }

  kernels::LayerWork work(int64_t) const override {
    const double flops = static_cast<double>(shape_.size());
    constexpr double kOfANormal = 25;  // half a pair's
    return {{kOfANormal * flops, "vector code; random bits by Philox"}, kernels::vector_code(flops), {}};
  }

  void bprop(const Pass& pass, const Operands&, const float* delta,
             std::span<const Sink> sinks) const override {
    if (sinks[0].data == delta) return;
    const int64_t count = shape_.size() * pass.columns;
    for (int64_t i = 0; i < count; ++i)
      sinks[0].data[i] = (sinks[0].accumulate ? sinks[0].data[i] : 0.0f) + delta[i];
  }

 protected:
  void corrupt(const Pass& pass, const Operands& o) const override {
    for (int64_t n = 0; n < pass.columns; ++n) draw(pass, n, o.scratch);
    for (int64_t feature = 0; feature < shape_.size(); feature += 2) {
      const int64_t row = feature * pass.columns;
      const bool has_second = feature + 1 < shape_.size();
      for (int64_t i = row; i < row + pass.columns; ++i) {
        const auto noise = kernels::vnormals(std::bit_cast<uint32_t>(o.scratch[i]),
                                             std::bit_cast<uint32_t>(o.scratch[i + pass.columns]));
        o.output[i] = o.inputs[0][i] + sigma_ * noise.first;
        o.scratch[i + pass.columns] = noise.second;
      }
      if (!has_second) break;
      for (int64_t i = row + pass.columns; i < row + 2 * pass.columns; ++i)
        o.output[i] = o.inputs[0][i] + sigma_ * o.scratch[i];
    }
  }

 private:
  // One sample's random words, as bits that nobody computes with.
  void draw(const Pass& pass, int64_t n, float* words) const {
    const RandomStream stream = random(pass, n);
    const int64_t count = (shape_.size() + 1) / 2 * 2;
    for (int64_t i = 0; i < count; i += 4) {
      const auto block = stream.block(static_cast<uint32_t>(i / 4));
      for (int64_t k = 0; k < 4 && i + k < count; ++k)
        words[(i + k) * pass.columns + n] = std::bit_cast<float>(block[static_cast<size_t>(k)]);
    }
  }

  float sigma_;
};

}  // namespace

std::unique_ptr<Layer> make_corrupt(LayerArguments& arguments, Inputs inputs) {
  constexpr double kBeyondUse = 1e30;
  const std::string kind = arguments.leading_word("kind", {"masking", "salt-and-pepper", "gaussian"});
  const uint32_t stream = arguments.position();
  if (kind == "gaussian") {
    const double sigma = arguments.leading_real("sigma", 0, kBeyondUse);
    return std::make_unique<GaussianNoise>(inputs[0], stream, sigma);
  }
  const double rate = arguments.leading_real("rate", 0, 1);
  if (kind == "masking") return std::make_unique<Replacement>(inputs[0], stream, rate, 0, 0, 0);
  const double low = arguments.real("low", -kBeyondUse, kBeyondUse, 0);
  const double high = arguments.real("high", -kBeyondUse, kBeyondUse, 1);
  return std::make_unique<Replacement>(inputs[0], stream, rate / 2, rate / 2, low, high);
}

}  // namespace lockstep::nn
