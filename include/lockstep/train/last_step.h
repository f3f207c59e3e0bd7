// The last whole step of a run that stands still, as a checkpoint.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "lockstep/comm/stall.h"
#include "lockstep/dist/reducer.h"
#include "lockstep/optim/optimizer.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

// Between steps every rank's parameters and optimizer state are those of the last whole step, wherever the
// next one's gradients have got to. So where all ranks are there, and hold still, what each owns makes a
// checkpoint.
class LastStep : public comm::Salvage {
 public:
  // Where the run keeps what a checkpoint holds, as long as this lives. `record` gives the rest of one that
  // stands here, `write` puts one where the run's own go; both are called while the step is held.
  struct Sources {
    const ParameterLayout& layout;
    const Buffer& parameters;
    const std::vector<optim::Slot>& slots;
    std::function<Checkpoint(const State&)> record;
    std::function<void(const Checkpoint&)> write;
  };
  LastStep(Sources sources, dist::Reducer& reducer, int rank);

  // By the thread that trains: what follows changes what a checkpoint holds. Does not return once the last
  // step is held.
  void leave();
  // By that thread: a step is whole. Not before the run has done one: where it started is nothing to save,
  // and must not take the place of what an earlier run has left there.
  void reach(const State& state);

  // By a watching thread.
  bool begin() override;
  std::vector<char> part() override;
  void add(const std::vector<char>& part) override;
  std::string save() override;

 private:
  const Sources sources_;
  std::vector<dist::Range> owned_;
  std::mutex mutex_;
  std::condition_variable never_;
  bool whole_ = false;
  bool held_ = false;
  State state_;
  Checkpoint saved_;  // takes as much memory as a checkpoint's copy does
};

}  // namespace lockstep::train
