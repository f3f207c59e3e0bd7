// The activations as scalar functions in double precision, for what is computed of a trained network.
#pragma once

#include <string>

namespace lockstep::nn {

// h, its derivative and its antiderivative: the pairs of Kamyshanska, Memisevic (2013), "On autoencoder
// scoring", table 1. Where h jumps or has a kink, the slope is that of its flat side.
struct ScalarFunction {
  using Function = double (*)(double s, double parameter);

  const char* name;            // as layer_table() has it
  Function value_of;           // h(s)
  Function slope_of;           // h'(s)
  Function antiderivative_of;  // I(s) with I' = h: 0 at minus infinity or, where that is infinite, at s = 0
  double parameter = 0;        // leaky-relu's slope below 0, a threshold

  double value(double s) const { return value_of(s, parameter); }
  double slope(double s) const { return slope_of(s, parameter); }
  double antiderivative(double s) const { return antiderivative_of(s, parameter); }
};

// Of a layer's type ("sigmoid"), which has to be an elementwise activation; "identity" is one too.
ScalarFunction scalar_function(const std::string& type, double parameter = 0);

}  // namespace lockstep::nn
