// The metrics of a run, as a table that is the same on any number of ranks.
#pragma once

#include <cstdint>
#include <limits>

#include "lockstep/io/file.h"

namespace lockstep::train {

// Means over samples.
struct Score {
  double loss = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::quiet_NaN();
};

// Sums over the samples since the last row; part of a checkpoint, so that a resumed run fills the same rows.
struct Sums {
  double samples = 0;
  double loss = 0;
  double error = 0;

  void add(double more_samples, double more_loss, double more_error) {
    samples += more_samples;
    loss += more_loss;
    error += more_error;
  }
  bool operator==(const Sums&) const = default;
  Score mean() const { return {loss / samples, error / samples}; }
};

// Columns: step (steps done), epoch (epochs done), learning_rate, train_loss, train_error (means since the
// row before), evaluation_loss, evaluation_error (at the end of an epoch, on validation, else test; else
// NaN).
io::Table new_history();
void add_row(io::Table& history, int64_t step, double epoch, double learning_rate, const Score& train,
             const Score& evaluation);

}  // namespace lockstep::train
