// A trained network with the dataset to apply it to: what the commands that look at models have in common.
#pragma once

#include <memory>
#include <string>

#include "commands.h"
#include "data_session.h"
#include "lockstep/data/unpack.h"
#include "lockstep/train/checkpoint.h"
#include "lockstep/train/history.h"
#include "lockstep/train/model.h"

namespace lockstep::app {

// The options that a checkpoint was made with, those of the command line on top.
Options options_of(const train::Checkpoint& checkpoint, const Context& context, const std::string& path);
// Collective. The checkpoint, the same on all ranks.
train::Checkpoint read_together(comm::Group& group, const std::string& path);
// A usage error where the options say where to start from: for commands that do not.
void require_no_start(const Options& options, const std::string& command);

class ModelSession {
 public:
  // Collective. `path` is a checkpoint; `dataset` is to be opened in place of the one that it was made with,
  // unless it is empty. Fails where the network does not fit the dataset.
  ModelSession(const Context& context, const std::string& path, const std::string& dataset = "");

  // With the numbers that `normalise = dataset` stands for.
  const Options& options() const { return options_; }
  const train::Checkpoint& checkpoint() const { return checkpoint_; }
  const data::Dataset& dataset() const { return data_->dataset(); }
  const train::Model& model() const { return *model_; }
  const nn::Network& network() const { return model_->network; }
  const float* parameters() const { return checkpoint_.parameters.data(); }
  const data::Unpacker& unpacker() const { return *unpacker_; }
  analysis::Team team() { return data_->team(); }
  // Collective. Mean loss and error over a split: what `trainer evaluate` gives.
  train::Score score(const data::Split& split);
  // The split of this name ("train", "validation", "test"); a usage error names those that there are.
  const data::Split& split(const std::string& name) const;

 private:
  comm::Group& group_;
  train::Checkpoint checkpoint_;
  Options options_;
  std::unique_ptr<DataSession> data_;
  std::unique_ptr<train::Model> model_;
  std::unique_ptr<data::Unpacker> unpacker_;
};

}  // namespace lockstep::app
