// What all ranks must have in common before they work together, and what people are told of the machines.
#pragma once

#include <vector>

#include "lockstep/comm/doctor.h"
#include "lockstep/comm/group.h"
#include "lockstep/core/options.h"
#include "lockstep/data/dataset.h"

namespace lockstep::app {

// All collective. They fail on every rank, naming the ranks that differ from rank 0.

// The same executable and the same versions of the libraries that compute.
void require_same_program(comm::Group& group);
// The same options, but for threads, and one instruction set. With reduction = mpi, which promises no bits,
// several instruction sets are worth a warning.
void require_same_setup(comm::Group& group, const Options& options);
void require_same_dataset(comm::Group& group, const data::Dataset& dataset);

// Prints, on rank 0: what the doctor warns of.
void print_warnings(const comm::Group& group, const std::vector<comm::RankFacts>& facts);

}  // namespace lockstep::app
