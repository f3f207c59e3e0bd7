// What a rank will hold in memory, known before any of it is allocated, and whether its host has that much.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/comm/placement.h"
#include "lockstep/core/options.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/loader.h"
#include "lockstep/dist/teams.h"
#include "lockstep/optim/optimizer.h"
#include "lockstep/train/engine.h"
#include "lockstep/train/model.h"

namespace lockstep::train {

enum class RunKind { kTraining, kEvaluation, kTiming };

// How a run cuts its dataset.
struct Cut {
  Cut(const Options& options, const data::Dataset& dataset);

  data::Order order;
  int64_t microbatch;  // no larger than a minibatch
};

// Whether an update has to know norms of the whole gradient, and so keeps it.
bool needs_norms(const Options& options, const optim::Optimizer& optimizer);

// The most microbatches that a rank has in a step.
int64_t most_microbatches(const Cut& cut, int ranks, int rank);

// Gradient buffers that serve every step of a rank.
int gradient_buffers(const Cut& cut, const EnginePlan& engine, int ranks, int rank);

// Bytes that a rank's data will take, beside what the process and its libraries hold from the start.
struct MemoryEstimate {
  int64_t dataset = 0;
  int64_t dataset_held_by = 1;  // so many ranks of the host, together
  int64_t parameters = 0;       // with the optimizer's state, and what is on its way from other ranks
  int64_t gradients = 0;        // of microbatches, until they are summed
  int64_t activations = 0;      // of one workspace
  int64_t workspaces = 1;       // one a thread; or, where microbatches go together, one for each of a step
  bool together = false;
  int64_t microbatch = 0;  // samples
  int64_t largest = 0;     // the node that asks for most of the activations
  int64_t largest_bytes = 0;

  int64_t total() const { return dataset + parameters + gradients + activations * workspaces; }
  // What the rank adds to its host's: its part of what is there once.
  int64_t share() const { return total() - dataset + dataset / dataset_held_by; }
};

MemoryEstimate estimate_memory(const Options& options, const data::Dataset& dataset, const Model& model,
                               int threads, const dist::Teams& teams, int rank,
                               RunKind kind = RunKind::kTraining);

// A rank's needs, and what its host had before any rank took its share (available_memory()).
struct RankMemory {
  MemoryEstimate needs;
  int64_t available = 0;
};

// What to say where the ranks of a host need more than it has: the first such host. Empty where all have
// enough. One element a rank.
std::string memory_shortage(const Model& model, const std::vector<comm::Placement>& placements,
                            const std::vector<RankMemory>& ranks);

// Collective. Fails on every rank where there is a shortage.
void require_memory(const Model& model, comm::Group& group, const std::vector<comm::Placement>& placements,
                    const RankMemory& mine);

}  // namespace lockstep::train
