// Where a checkpoint comes from.
#pragma once

#include <string>

#include "lockstep/comm/group.h"
#include "lockstep/comm/placement.h"
#include "lockstep/data/dataset.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

// Versions, machine, dataset, command line and time. `first` is rank 0's placement, `threads` those of a
// rank.
Attributes provenance_of(const comm::Group& group, const comm::Placement& first, int threads,
                         const data::Dataset& dataset, const std::string& command);

}  // namespace lockstep::train
