// Private to src/analysis: integrals of a function of one variable.
#pragma once

#include <functional>
#include <vector>

namespace lockstep::analysis {

// The function at several places at once.
using Integrand = std::function<std::vector<double>(const std::vector<double>& t)>;

// The integral from 0 to 1 by Gauss's and Kronrod's rules of 7 and 15 points (Kronrod 1965), on halves of an
// interval where these differ by more than `tolerance` of the integral of the absolute value. So kinks and
// jumps are found; no interval is halved more than `deepest` times.
double integrate(const Integrand& f, double tolerance, int deepest);

}  // namespace lockstep::analysis
