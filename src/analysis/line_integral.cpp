#include "line_integral.h"

#include <array>
#include <cmath>

namespace lockstep::analysis {

namespace {

// Of [-1, 1], mirrored; of the rule of 7 points the weights are 0 at the others'.
struct Point {
  double place;
  double weight_of_13;
  double weight_of_7;
};
const std::array<Point, 7> kPoints = {{{1, .0158271919734802, 11.0 / 210},
                                       {.942882415695480, .0942738402188500, 0},
                                       {std::sqrt(2.0 / 3), .155071987336585, 72.0 / 245},
                                       {.641853342345781, .188821573960182, 0},
                                       {std::sqrt(0.2), .199773405226859, 125.0 / 294},
                                       {.236383199662150, .224926465333340, 0},
                                       {0, .242611071901408, 16.0 / 35}}};

struct Interval {
  double begin;
  double end;
  int depth;
  bool confirms;  // whether the interval that it is half of was good
};

struct Estimate {
  double of_13 = 0;
  double of_7 = 0;
  double absolute = 0;  // of the absolute value
};

Estimate estimate(const Integrand& f, const Interval& interval) {
  const double middle = (interval.begin + interval.end) / 2;
  const double half = (interval.end - interval.begin) / 2;
  std::vector<double> t;
  for (const Point& point : kPoints) {
    t.push_back(middle - half * point.place);
    if (point.place > 0) t.push_back(middle + half * point.place);
  }
  const std::vector<double> values = f(t);
  Estimate result;
  for (size_t i = 0; i < values.size(); ++i) {
    const Point& point = kPoints[i / 2];
    result.of_13 += half * point.weight_of_13 * values[i];
    result.of_7 += half * point.weight_of_7 * values[i];
    result.absolute += half * point.weight_of_13 * std::fabs(values[i]);
  }
  return result;
}

}  // namespace

double integrate(const Integrand& f, double tolerance, int deepest) {
  std::vector<Interval> open = {{0, 1, 0, false}};
  double allowed = 0;
  double sum = 0;
  while (!open.empty()) {
    const Interval interval = open.back();
    open.pop_back();
    const Estimate found = estimate(f, interval);
    if (interval.depth == 0) allowed = tolerance * found.absolute;
    const bool good = std::fabs(found.of_13 - found.of_7) <= allowed;
    if ((good && interval.confirms) || interval.depth == deepest || !std::isfinite(found.of_13)) {
      sum += found.of_13;
      continue;
    }
    const double middle = (interval.begin + interval.end) / 2;
    open.push_back({middle, interval.end, interval.depth + 1, good});
    open.push_back({interval.begin, middle, interval.depth + 1, good});
  }
  return sum;
}

}  // namespace lockstep::analysis
