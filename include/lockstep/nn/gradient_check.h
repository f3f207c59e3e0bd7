// Checks derivatives against central differences, for every layer of the table: the program's own test of
// itself, and what the tests rest on.
#pragma once

#include <string>
#include <vector>

#include "lockstep/core/shape.h"

namespace lockstep::nn {

// A small network in which a layer of the table has others before it, so that its bprop is checked too.
struct GradientCase {
  std::string layer;  // the name in the table
  Shape input;
  std::vector<std::string> lines;
  // Of the central difference: large against rounding, small enough that no maximum changes its place.
  double step = 4e-3;
};

// One or more for every layer of the table; a test fails for a layer without one.
const std::vector<GradientCase>& gradient_cases();

// The largest relative difference, over the network's parameters and some random directions of each, between
// the derivative of a random linear function of the output along the direction and its central difference.
double gradient_error(const GradientCase& gradient_case);

// What gradient_error() stays below in single precision.
constexpr double kGradientTolerance = 1e-2;

}  // namespace lockstep::nn
