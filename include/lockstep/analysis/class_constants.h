// Classification by one energy a class: softmax over E_c(x) + C_c, of which the constants C_c are learned
// (Kamyshanska, Memisevic 2013, "On autoencoder scoring", section 5). Not collective: every rank computes the
// same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::analysis {

struct ClassEnergies {
  std::string split;
  int64_t classes = 0;
  std::vector<double> values;   // samples x classes
  std::vector<int32_t> labels;  // one a sample

  int64_t samples() const { return static_cast<int64_t>(labels.size()); }
  const double* row(int64_t sample) const { return values.data() + sample * classes; }
};

// The constants of the highest likelihood, with a mean of 0: each class's probabilities then sum up to its
// samples. Exact however far energies lie apart, since no probability is rounded to 0. Fails where a class
// has no sample.
std::vector<double> fit_constants(const ClassEnergies& energies);

struct ClassScore {
  double error = 0;                // the share of wrong answers; of equal ones the first class is the answer
  double loss = 0;                 // -log of the probability of the label, mean
  std::vector<int64_t> confusion;  // classes x classes: samples of the row's class answered by the column's
};

ClassScore score_of(const ClassEnergies& energies, const std::vector<double>& constants);

}  // namespace lockstep::analysis
