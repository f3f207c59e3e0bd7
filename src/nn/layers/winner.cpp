// winner: 1 at the largest input, 0 elsewhere; of equal ones the first wins. Its derivative is zero: what
// comes before it learns through weights that it shares with what comes after.
#include <algorithm>

#include "layers.h"
#include "lockstep/kernels/centres.h"

namespace lockstep::nn {

namespace {

class Winner : public Layer {
 public:
  explicit Winner(const Shape& shape) : shape_(shape) {}

  Shape output_shape() const override { return shape_; }
  BackwardReads backward_reads() const override { return {.inputs = false, .output = false}; }
  bool in_place() const override { return true; }
  kernels::LayerWork work(int64_t) const override {
    // A comparison to find and one to mark; zeros are written one a value.
    const double values = static_cast<double>(shape_.size());
    return {kernels::vector_code(2 * values), kernels::vector_code(values), {}};
  }

  void fprop(const Pass& pass, const Operands& o) const override {
    for (int64_t n = 0; n < pass.columns; n += kernels::kLanes) {
      const kernels::Winners winners = kernels::winners(shape_.size(), o.inputs[0] + n, pass.columns);
      for (int64_t f = 0; f < shape_.size(); ++f) {
        float* out = o.output + f * pass.columns + n;
        for (size_t l = 0; l < kernels::kLanes; ++l) out[l] = winners.row[l] == f ? 1.0f : 0.0f;
      }
    }
  }

  void bprop(const Pass& pass, const Operands&, const float*, std::span<const Sink> sinks) const override {
    if (!sinks[0].accumulate) std::fill_n(sinks[0].data, shape_.size() * pass.columns, 0.0f);
  }

 private:
  Shape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_winner(LayerArguments&, Inputs inputs) {
  return std::make_unique<Winner>(inputs[0]);
}

}  // namespace lockstep::nn
