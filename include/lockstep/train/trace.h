// One step of a run as a Chrome trace: JSON that ui.perfetto.dev and chrome://tracing open ("Trace Event
// Format"; complete events, ph "X").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/nn/network.h"
#include "lockstep/train/step_recorder.h"

namespace lockstep::train {

// One rank's events, separated by commas: pid is the rank, tid the thread, ts and dur are microseconds since
// the rank's step began.
std::string trace_events(const Recording& recording, const nn::Network& network, int rank);
// The whole file, from the events of one rank or more.
std::string trace_file(const std::vector<std::string>& events_of_ranks);

// Writes one step of this rank.
class TraceRecorder : public StepRecorder {
 public:
  // The step is counted from this run's first, which is 1. Keeps a reference to the network.
  TraceRecorder(std::string path, int64_t step, const nn::Network& network, int threads, int rank);

  Recording* begin_step(int64_t step) override;
  void end_step(int64_t step) override;
  // After the run: writes its last step, where it has ended before the one that was asked for.
  void finish();

 private:
  void write();

  std::string path_;
  int64_t steps_to_go_;
  const nn::Network& network_;
  int rank_;
  Recording recording_;
  bool recorded_ = false;
  bool written_ = false;
};

}  // namespace lockstep::train
