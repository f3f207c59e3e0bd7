#include "lockstep/analysis/class_constants.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// log of a sum of exponentials, term by term.
class LogSum {
 public:
  void add(double term) {
    if (term == -kInfinity) return;
    if (term > highest_) {
      sum_ = sum_ * std::exp(highest_ - term) + 1;
      highest_ = term;
    } else {
      sum_ += std::exp(term - highest_);
    }
  }
  double value() const { return highest_ + std::log(sum_); }

 private:
  double highest_ = -kInfinity;
  double sum_ = 0;
};

double log_sigmoid(double z) { return std::min(z, 0.0) - std::log1p(std::exp(-std::fabs(z))); }

// E_c less what the other classes have together, a sample: the probability of c is sigmoid(margin + C_c).
std::vector<double> margins_of(const ClassEnergies& energies, const std::vector<double>& constants,
                               int64_t c) {
  std::vector<double> margins;
  for (int64_t n = 0; n < energies.samples(); ++n) {
    const double* row = energies.row(n);
    LogSum others;
    for (int64_t j = 0; j < energies.classes; ++j) {
      if (j != c) others.add(row[j] + constants[static_cast<size_t>(j)]);
    }
    margins.push_back(row[c] - others.value());
  }
  return margins;
}

// The logarithm of the probability that other classes' samples give to c, less that of what its own give to
// others: it rises with the constant, and is 0 where the likelihood is highest.
double excess(const ClassEnergies& energies, const std::vector<double>& margins, int64_t c, double constant) {
  LogSum taken;
  LogSum missing;
  for (size_t n = 0; n < margins.size(); ++n) {
    const double z = margins[n] + constant;
    if (energies.labels[n] == c) {
      missing.add(log_sigmoid(-z));
    } else {
      taken.add(log_sigmoid(z));
    }
  }
  return taken.value() - missing.value();
}

// The best constant of class c, the others being given: where the excess is 0, by the Illinois variant of
// regula falsi (Dowell, Jarratt 1971), since the excess is nearly linear.
double best_constant(const ClassEnergies& energies, const std::vector<double>& constants, int64_t c) {
  const std::vector<double> margins = margins_of(energies, constants, c);
  const auto [lowest, highest] = std::minmax_element(margins.begin(), margins.end());
  // Beyond these, all probabilities are on one side.
  const double reach = 40 + std::log(static_cast<double>(margins.size()));
  double last = -*highest - reach;
  double at_last = excess(energies, margins, c, last);
  double other = -*lowest + reach;  // the excess there has the other sign
  double at_other = excess(energies, margins, c, other);
  constexpr int kMostSteps = 200;
  for (int step = 0; step < kMostSteps; ++step) {
    const double next = last - at_last * (other - last) / (at_other - at_last);
    if (next == last || next == other) break;
    const double at_next = excess(energies, margins, c, next);
    if (at_next == 0) return next;
    if ((at_next < 0) != (at_last < 0)) {
      other = last;
      at_other = at_last;
    } else {
      at_other /= 2;
    }
    last = next;
    at_last = at_next;
  }
  return last;
}

void centre(std::vector<double>& constants) {
  const double mean =
      std::accumulate(constants.begin(), constants.end(), 0.0) / static_cast<double>(constants.size());
  for (double& constant : constants) constant -= mean;
}

}  // namespace

std::vector<double> fit_constants(const ClassEnergies& energies) {
  for (int64_t c = 0; c < energies.classes; ++c) {
    if (std::count(energies.labels.begin(), energies.labels.end(), c) > 0) continue;
    fail("/", energies.split, " has no sample of class ", c,
         ", so its constant cannot be learned; expected at least one sample of each of the ",
         energies.classes, " classes");
  }
  constexpr int kMostRounds = 1000;
  constexpr double kTolerance = 1e-10;
  std::vector<double> constants(static_cast<size_t>(energies.classes));
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<double> before = constants;
    double size = 1;
    double moved = 0;
    for (int64_t c = 0; c < energies.classes; ++c) {
      constants[static_cast<size_t>(c)] = best_constant(energies, constants, c);
    }
    centre(constants);
    for (size_t c = 0; c < constants.size(); ++c) {
      size = std::max(size, std::fabs(constants[c]));
      moved = std::max(moved, std::fabs(constants[c] - before[c]));
    }
    if (moved <= kTolerance * size) break;
  }
  return constants;
}

ClassScore score_of(const ClassEnergies& energies, const std::vector<double>& constants) {
  ClassScore score;
  score.confusion.resize(static_cast<size_t>(energies.classes * energies.classes));
  const double count = static_cast<double>(energies.samples());
  for (int64_t n = 0; n < energies.samples(); ++n) {
    const int32_t label = energies.labels[static_cast<size_t>(n)];
    int64_t best = 0;
    LogSum all;
    const auto term = [&](int64_t c) { return energies.row(n)[c] + constants[static_cast<size_t>(c)]; };
    for (int64_t c = 0; c < energies.classes; ++c) {
      all.add(term(c));
      if (term(c) > term(best)) best = c;
    }
    score.loss += (all.value() - term(label)) / count;
    score.error += best == label ? 0 : 1 / count;
    ++score.confusion[static_cast<size_t>(label * energies.classes + best)];
  }
  return score;
}

}  // namespace lockstep::analysis
