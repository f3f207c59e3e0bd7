// A dataset and the threads to work on it: what the commands that need no training have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lockstep/analysis/share.h"
#include "lockstep/comm/placement.h"
#include "lockstep/core/options.h"
#include "lockstep/data/dataset.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::app {

class DataSession {
 public:
  // Collective. Opens the options' dataset, the same on all ranks, and starts their threads. Fails where
  // ranks differ in options, instruction set or dataset.
  DataSession(comm::Group& group, const Options& options);

  const data::Dataset& dataset() const { return dataset_; }
  const std::vector<comm::Placement>& placements() const { return placements_; }
  analysis::Team team() { return {group_, *workers_}; }
  // The split of this name ("train", "validation", "test"); a usage error names those that there are.
  const data::Split& split(const std::string& name) const;

 private:
  comm::Group& group_;
  std::vector<comm::Placement> placements_;
  data::Dataset dataset_;
  std::unique_ptr<parallel::Workers> workers_;
};

}  // namespace lockstep::app
