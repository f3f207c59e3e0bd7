// A trained autoencoder with the dataset to look at it with: what the commands that study its map have in
// common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/energy.h"
#include "lockstep/analysis/reconstruction.h"
#include "lockstep/analysis/statistics.h"
#include "model_session.h"

namespace lockstep::app {

class AutoencoderSession : public ModelSession {
 public:
  // Collective. Fails (usage) where the network is no autoencoder.
  AutoencoderSession(const Context& context, const std::string& path, const std::string& dataset);

  // Whether the loss makes the sigmoid of the network's output.
  bool sigmoid_on_top() const { return options().loss == "cross-entropy"; }
  // What is reconstructed: the network's output, or what a loss makes of it.
  const analysis::Reconstruction& reconstruction() const { return *reconstruction_; }
  // Of which line integrals begin at `start`.
  analysis::Energy energy(analysis::Point start);

  // Collective, the following, the same on every rank; samples as the network sees them.
  // Samples [first, first + count) of a split.
  std::vector<analysis::Point> points(const std::string& split, int64_t first, int64_t count);
  analysis::Statistics statistics(const std::string& split);

 private:
  std::optional<analysis::Reconstruction> reconstruction_;
};

}  // namespace lockstep::app
