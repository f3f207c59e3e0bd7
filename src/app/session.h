// What train, resume and evaluate have in common: options, dataset, threads, agreed on by all ranks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lockstep/comm/doctor.h"
#include "lockstep/comm/group.h"
#include "lockstep/comm/placement.h"
#include "lockstep/core/options.h"
#include "lockstep/data/dataset.h"
#include "lockstep/parallel/workers.h"
#include "lockstep/train/memory.h"
#include "lockstep/train/trainer.h"

namespace lockstep::app {

class Session {
 public:
  // Collective. Fails where ranks differ in configuration, instruction set or dataset, and, before it
  // allocates anything but the dataset, where a host has not the memory for its ranks. `configuration` is the
  // user's text. What stack-on names is put below the layers: options() has the whole network.
  Session(comm::Group& group, const Options& options, const std::string& configuration,
          const std::string& command, train::RunKind kind = train::RunKind::kTraining);

  train::Trainer& trainer() { return *trainer_; }
  const train::Trainer& trainer() const { return *trainer_; }
  const std::vector<comm::Placement>& placements() const { return placements_; }
  const data::Dataset& dataset() const { return dataset_; }
  const Options& options() const { return options_; }
  int threads() const { return workers_->threads(); }

  // Collective. Takes the parameters that start-from and stack-on name, before the first step.
  void start();

  // Prints, on rank 0: what is trained on what, with how many ranks, threads and how much memory; and
  // warnings.
  void print_start() const;
  // Warns, on rank 0, of cores, clocks and Slurm's wishes, and where ranks have nothing to do.
  void print_warnings() const;
  // Prints, on rank 0: estimated and measured memory, and the three lines that end a run.
  // `memory_at_start`: what the process held before.
  void print_end(const train::Outcome& outcome, int64_t memory_at_start);
  // "test error 0.93 % loss 0.0291", evaluating the test split, or validation, or training.
  std::string score_line();

 private:
  std::string shared_memory_text() const;
  void stack();
  void require_memory(int threads, int64_t available, train::RunKind kind);

  comm::Group& group_;
  Options options_;
  std::vector<comm::Placement> placements_;
  std::vector<comm::RankFacts> facts_;
  data::Dataset dataset_;
  train::MemoryEstimate estimate_;
  std::unique_ptr<parallel::Workers> workers_;
  std::unique_ptr<train::Trainer> trainer_;
};

// Bytes of memory that this process holds now, and the most it ever held.
int64_t memory_now();
int64_t memory_peak();

}  // namespace lockstep::app
