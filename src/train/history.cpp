#include "lockstep/train/history.h"

namespace lockstep::train {

io::Table new_history() {
  return {
      {"step", "epoch", "learning_rate", "train_loss", "train_error", "evaluation_loss", "evaluation_error"},
      {}};
}

void add_row(io::Table& history, int64_t step, double epoch, double learning_rate, const Score& train,
             const Score& evaluation) {
  for (const double value : {static_cast<double>(step), epoch, learning_rate, train.loss, train.error,
                             evaluation.loss, evaluation.error}) {
    history.values.push_back(value);
  }
}

}  // namespace lockstep::train
