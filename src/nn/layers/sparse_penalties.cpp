// Penalties on single values of a code:
//
//   l1 LAMBDA        LAMBDA |h|. Behind a linear layer without bias whose weights the decoder is tied to,
//   this is
//                    reconstruction ICA (Le et al. 2011)
//   saturate LAMBDA  LAMBDA times the distance of h's pre-activation to where the activation is flat
//                    (Goroshin, LeCun 2013, "Saturating auto-encoders"): |h| behind relu and soft-threshold,
//                    h - THETA where h is not 0 behind threshold
#include <cmath>

#include "layers.h"
#include "lockstep/core/error.h"
#include "penalty.h"

namespace lockstep::nn {

namespace {

struct Distance {
  static constexpr double kFlops = 5;
  float flat_until;  // where |h| starts, from 0
  float cost(float h) const { return h != 0 ? std::fabs(h) - flat_until : 0.0f; }
  float slope(float h) const { return h > 0 ? 1.0f : h < 0 ? -1.0f : 0.0f; }
};

class Sparse : public Penalty<Distance> {
 public:
  Sparse(const Shape& shape, double lambda, double flat_until)
      : Penalty(shape, Distance{static_cast<float>(flat_until)}), lambda_(static_cast<float>(lambda)) {}

 protected:
  double assess(const Pass& pass, const Operands& o, float* weights) const override {
    std::fill_n(weights, shape_.size(), lambda_);
    return weighed_sum(pass, o.output, weights);
  }

 private:
  float lambda_;
};

}  // namespace

std::unique_ptr<Layer> make_l1(LayerArguments& arguments, Inputs inputs) {
  return std::make_unique<Sparse>(inputs[0], penalty_weight(arguments, "lambda"), 0);
}

std::unique_ptr<Layer> make_saturate(LayerArguments& arguments, Inputs inputs) {
  const double lambda = penalty_weight(arguments, "lambda");
  const auto activation = activation_below(arguments);
  const std::string name = activation ? activation->name : "";
  if (name != "relu" && name != "soft-threshold" && name != "threshold") {
    arguments.complain("it reads " + arguments.sources()[0].text +
                       ", which is flat nowhere; expected relu, soft-threshold or threshold right above it");
  }
  return std::make_unique<Sparse>(inputs[0], lambda, name == "threshold" ? activation->parameter : 0);
}

}  // namespace lockstep::nn
