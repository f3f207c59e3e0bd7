// kl RHO BETA: the penalty of a sparse autoencoder (Ng 2011, "Sparse autoencoder", section 3),
//
//   BETA times the sum over units j of  RHO ln(RHO / m_j) + (1 - RHO) ln((1 - RHO) / (1 - m_j))
//
// where m_j is the unit's mean activation, here over the microbatch's samples; a minibatch's penalty is the
// mean of its microbatches', weighed by their samples. It is for activations in (0, 1), which are those of a
// sigmoid. m_j counts as no nearer than 1e-6 to 0 and 1.
#include <cmath>

#include "layers.h"
#include "lockstep/core/error.h"
#include "penalty.h"

namespace lockstep::nn {

namespace {

// Its weights are the derivatives with respect to the sum of a unit's activations.
struct Mean {
  static constexpr double kFlops = 1;
  float cost(float h) const { return h; }
  float slope(float) const { return 1.0f; }
};

class MeanActivation : public Penalty<Mean> {
 public:
  MeanActivation(const Shape& shape, double rho, double beta) : Penalty(shape, {}), rho_(rho), beta_(beta) {}

 protected:
  double assess(const Pass& pass, const Operands& o, float* weights) const override {
    constexpr double kNearest = 1e-6;
    const double samples = static_cast<double>(pass.samples);
    double sum = 0;
    for (int64_t f = 0; f < shape_.size(); ++f) {
      double total = 0;
      for (int64_t n = 0; n < pass.samples; ++n) total += static_cast<double>(o.output[f * pass.columns + n]);
      const double mean = std::clamp(total / samples, kNearest, 1 - kNearest);
      sum += rho_ * std::log(rho_ / mean) + (1 - rho_) * std::log((1 - rho_) / (1 - mean));
      weights[f] = static_cast<float>(beta_ * ((1 - rho_) / (1 - mean) - rho_ / mean));
    }
    return samples * beta_ * sum;
  }

 private:
  double rho_;
  double beta_;
};

}  // namespace

std::unique_ptr<Layer> make_kl(LayerArguments& arguments, Inputs inputs) {
  constexpr double kLeast = 1e-6;
  const double rho = arguments.leading_real("rho", kLeast, 1);
  const double beta = penalty_weight(arguments, "beta");
  const auto activation = activation_below(arguments);
  if (!activation || std::string(activation->name) != "sigmoid") {
    arguments.complain("it reads " + arguments.sources()[0].text +
                       ", which need not lie between 0 and 1; expected a sigmoid right above it");
  }
  return std::make_unique<MeanActivation>(inputs[0], rho, beta);
}

}  // namespace lockstep::nn
