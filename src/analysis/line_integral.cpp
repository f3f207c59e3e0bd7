#include "line_integral.h"

#include <array>
#include <cmath>

namespace lockstep::analysis {

namespace {

// Of [-1, 1]: the places above 0 and 0 itself; those of odd number are Gauss's too.
constexpr std::array<double, 8> kPlaces = {
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
    0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
    0.586087235467691130294144691838259, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245, 0.0};
constexpr std::array<double, 8> kKronrod = {
    0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
    0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
    0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
    0.204432940075298892414161999234649, 0.209482141084727828012999174891714};
constexpr std::array<double, 4> kGauss = {
    0.129484966168869693270611432679082, 0.279705391489276667901467771423780,
    0.381830050505118944950369775488975, 0.417959183673469387755102040816327};

struct Interval {
  double begin;
  double end;
  int depth;
};

struct Estimate {
  double kronrod = 0;
  double gauss = 0;
  double absolute = 0;  // of the absolute value
};

Estimate estimate(const Integrand& f, const Interval& interval) {
  const double middle = (interval.begin + interval.end) / 2;
  const double half = (interval.end - interval.begin) / 2;
  std::vector<double> t;
  for (const double place : kPlaces) {
    t.push_back(middle - half * place);
    if (place > 0) t.push_back(middle + half * place);
  }
  const std::vector<double> values = f(t);
  Estimate result;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t place = i / 2;
    result.kronrod += half * kKronrod[place] * values[i];
    result.absolute += half * kKronrod[place] * std::fabs(values[i]);
    if (place % 2 == 1) result.gauss += half * kGauss[place / 2] * values[i];
  }
  return result;
}

}  // namespace

double integrate(const Integrand& f, double tolerance, int deepest) {
  std::vector<Interval> open = {{0, 1, 0}};
  double allowed = 0;
  double sum = 0;
  while (!open.empty()) {
    const Interval interval = open.back();
    open.pop_back();
    const Estimate found = estimate(f, interval);
    if (interval.depth == 0) allowed = tolerance * found.absolute;
    const bool good = std::fabs(found.kronrod - found.gauss) <= allowed;
    if (good || interval.depth == deepest || !std::isfinite(found.kronrod)) {
      sum += found.kronrod;
      continue;
    }
    const double middle = (interval.begin + interval.end) / 2;
    open.push_back({middle, interval.end, interval.depth + 1});
    open.push_back({interval.begin, middle, interval.depth + 1});
  }
  return sum;
}

}  // namespace lockstep::analysis
