// Private to src/analysis: integrals of a function of one variable.
#pragma once

#include <functional>
#include <vector>

namespace lockstep::analysis {

// The function at several places at once.
using Integrand = std::function<std::vector<double>(const std::vector<double>& t)>;

// The integral from 0 to 1 by Lobatto's rule of 4 points in Kronrod's extensions to 7 and 13 (Gander,
// Gautschi 2000, "Adaptive quadrature - revisited"), on halves of an interval where these two differ by more
// than `tolerance` of the integral of the absolute value. The ends are among the points, so that a kink or a
// jump anywhere tells. No interval is halved more than `deepest` times.
double integrate(const Integrand& f, double tolerance, int deepest);

}  // namespace lockstep::analysis
