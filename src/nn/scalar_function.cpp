#include "lockstep/nn/scalar_function.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "lockstep/core/error.h"

namespace lockstep::nn {

namespace {

double sigmoid(double s) { return s < 0 ? std::exp(s) / (1 + std::exp(s)) : 1 / (1 + std::exp(-s)); }
double softplus(double s) { return std::max(s, 0.0) + std::log1p(std::exp(-std::fabs(s))); }
double shrunk(double s, double theta) { return std::max(std::fabs(s) - theta, 0.0); }

// -Li2(-e^s) for s <= 0, by Landen's identity: with y = e^s and w = y / (1 + y) <= 1/2 it is
// Li2(w) + 1/2 ln^2 (1 + y), whose series gains a bit a term (Lewin 1981, "Polylogarithms", 1.12).
double minus_dilogarithm_below(double s) {
  const double w = sigmoid(s);
  double sum = 0;
  double power = w;
  for (int k = 1; k <= 60; ++k, power *= w) sum += power / (static_cast<double>(k) * k);
  const double log = std::log1p(std::exp(s));
  return sum + 0.5 * log * log;
}

// Above 0 by inversion: Li2(-1/y) + Li2(-y) = -pi^2/6 - 1/2 ln^2 y (Lewin 1981, 1.7).
double minus_dilogarithm(double s) {
  if (s <= 0) return minus_dilogarithm_below(s);
  return std::numbers::pi * std::numbers::pi / 6 + 0.5 * s * s - minus_dilogarithm_below(-s);
}

const std::vector<ScalarFunction>& table() {
  static const std::vector<ScalarFunction> functions = {
      {"identity", [](double s, double) { return s; }, [](double, double) { return 1.0; },
       [](double s, double) { return 0.5 * s * s; }},
      {"relu", [](double s, double) { return std::max(s, 0.0); },
       [](double s, double) { return s > 0 ? 1.0 : 0.0; },
       [](double s, double) { return 0.5 * std::max(s, 0.0) * std::max(s, 0.0); }},
      {"leaky-relu", [](double s, double below) { return s > 0 ? s : below * s; },
       [](double s, double below) { return s > 0 ? 1.0 : below; },
       [](double s, double below) { return 0.5 * (s > 0 ? s * s : below * s * s); }},
      {"sigmoid", [](double s, double) { return sigmoid(s); },
       [](double s, double) { return sigmoid(s) * sigmoid(-s); },
       [](double s, double) { return softplus(s); }},
      {"tanh", [](double s, double) { return std::tanh(s); },
       [](double s, double) { return 1 - std::tanh(s) * std::tanh(s); },
       // log cosh s, without the overflow of cosh.
       [](double s, double) { return softplus(2 * s) - s - std::numbers::ln2; }},
      {"softplus", [](double s, double) { return softplus(s); }, [](double s, double) { return sigmoid(s); },
       [](double s, double) { return minus_dilogarithm(s); }},
      {"soft-threshold", [](double s, double theta) { return std::copysign(shrunk(s, theta), s); },
       [](double s, double theta) { return std::fabs(s) > theta ? 1.0 : 0.0; },
       [](double s, double theta) { return 0.5 * shrunk(s, theta) * shrunk(s, theta); }},
      {"threshold", [](double s, double theta) { return s > theta ? s : 0.0; },
       [](double s, double theta) { return s > theta ? 1.0 : 0.0; },
       [](double s, double theta) { return s > theta ? 0.5 * (s * s - theta * theta) : 0.0; }},
  };
  return functions;
}

}  // namespace

ScalarFunction scalar_function(const std::string& type, double parameter) {
  const auto found =
      std::find_if(table().begin(), table().end(), [&](const ScalarFunction& f) { return f.name == type; });
  if (found == table().end()) fail("'", type, "' is no elementwise activation");
  ScalarFunction function = *found;
  function.parameter = parameter;
  return function;
}

}  // namespace lockstep::nn
