// The elementwise activations in single precision, for loops that become vector code; scalar_function.h has
// them in double precision.
//
// Each is a function value(x), its derivative slope(z), where z is y = value(x) if kSlopeOfOutput, else x,
// and its second derivative curvature(y), in terms of y, which is 0 where the function is made of straight
// pieces. kValueFlops and kSlopeFlops count the operations as vector_math.h has them.
#pragma once

#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/kernels/vector_math.h"
#include "lockstep/nn/scalar_function.h"

namespace lockstep::nn {

struct Identity {
  static constexpr bool kSlopeOfOutput = true;
  float slope(float) const { return 1.0f; }
  float curvature(float) const { return 0.0f; }
};

struct Relu {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 1;
  static constexpr double kSlopeFlops = 1;
  float value(float x) const { return x > 0 || x != x ? x : 0.0f; }  // a NaN comes through
  float slope(float y) const { return y > 0 ? 1.0f : 0.0f; }
  float curvature(float) const { return 0.0f; }
};

struct LeakyRelu {
  static constexpr bool kSlopeOfOutput = true;  // x and y are positive together, the slope being no negative
  static constexpr double kValueFlops = 2;
  static constexpr double kSlopeFlops = 1;
  float below;
  float value(float x) const { return x > 0 ? x : below * x; }
  float slope(float y) const { return y > 0 ? 1.0f : below; }
  float curvature(float) const { return 0.0f; }
};

struct Sigmoid {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 27;
  static constexpr double kSlopeFlops = 2;
  float value(float x) const { return kernels::vsigmoid(x); }
  float slope(float y) const { return y * (1.0f - y); }
  float curvature(float y) const { return slope(y) * (1.0f - 2.0f * y); }
};

struct Tanh {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 43;
  static constexpr double kSlopeFlops = 2;
  float value(float x) const { return kernels::vtanh(x); }
  float slope(float y) const { return 1.0f - y * y; }
  float curvature(float y) const { return -2.0f * y * slope(y); }
};

struct Softplus {
  static constexpr bool kSlopeOfOutput = false;  // y is too coarse where x is very negative
  static constexpr double kValueFlops = 45;
  static constexpr double kSlopeFlops = 27;
  float value(float x) const { return kernels::vsoftplus(x); }
  float slope(float x) const { return kernels::vsigmoid(x); }
  // 1 - e^-y: good to 1e-7, but not to its own last bits where it is small.
  float slope_of_output(float y) const { return 1.0f - kernels::vexp(-y); }
  float curvature(float y) const { return kernels::vexp(-y) * slope_of_output(y); }
};

struct SoftThreshold {
  static constexpr bool kSlopeOfOutput = true;
  static constexpr double kValueFlops = 4;
  static constexpr double kSlopeFlops = 1;
  float theta;
  float value(float x) const {
    const float shrunk = std::fabs(x) - theta;  // a NaN comes through
    return std::copysign(shrunk < 0 ? 0.0f : shrunk, x);
  }
  float slope(float y) const { return y != 0 ? 1.0f : 0.0f; }
  float curvature(float) const { return 0.0f; }
};

struct Threshold {
  static constexpr bool kSlopeOfOutput = true;  // beyond a threshold of 0 or more, no output is 0
  static constexpr double kValueFlops = 1;
  static constexpr double kSlopeFlops = 1;
  float theta;
  float value(float x) const { return x <= theta ? 0.0f : x; }
  float slope(float y) const { return y != 0 ? 1.0f : 0.0f; }
  float curvature(float) const { return 0.0f; }
};

// The derivative in terms of y = value(x).
template <class Function>
float slope_of_output(const Function& function, float y) {
  if constexpr (Function::kSlopeOfOutput) {
    return function.slope(y);
  } else {
    return function.slope_of_output(y);
  }
}

// visit(Function) with the one that computes what `scalar` does in double precision.
template <class Visit>
auto with_activation(const ScalarFunction& scalar, const Visit& visit) {
  const std::string name = scalar.name;
  const float parameter = static_cast<float>(scalar.parameter);
  if (name == "identity") return visit(Identity{});
  if (name == "relu") return visit(Relu{});
  if (name == "leaky-relu") return visit(LeakyRelu{parameter});
  if (name == "sigmoid") return visit(Sigmoid{});
  if (name == "tanh") return visit(Tanh{});
  if (name == "softplus") return visit(Softplus{});
  if (name == "soft-threshold") return visit(SoftThreshold{parameter});
  if (name == "threshold") return visit(Threshold{parameter});
  fail("there is no activation '", name, "' in single precision");
}

}  // namespace lockstep::nn
