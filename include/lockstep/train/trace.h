// One step of a run as a Chrome trace: JSON that ui.perfetto.dev and chrome://tracing open ("Trace Event
// Format"; complete events, ph "X").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/nn/network.h"
#include "lockstep/train/step_recorder.h"

namespace lockstep::train {

// When the first span of all began.
int64_t beginning(const Recording& recording);
// One rank's events, separated by commas: pid is the rank, tid the thread, ts and dur are microseconds, since
// this rank's clock showed `origin` (nanoseconds).
std::string trace_events(const Recording& recording, const nn::Network& network, int rank, int64_t origin);
// The whole file, from the events of one rank or more.
std::string trace_file(const std::vector<std::string>& events_of_ranks);

// Writes one step of all ranks into one file, on rank 0's clock: the others' are compared with it by
// messages, so what happens at once on two hosts may lie apart by a part of the time of a message. All that
// is not begin_step() is collective: every rank has a recorder, of the same step.
class TraceRecorder : public StepRecorder {
 public:
  // The step is counted from this run's first, which is 1. Keeps references.
  TraceRecorder(std::string path, int64_t step, const nn::Network& network, int threads, comm::Group& group);

  Recording* begin_step(int64_t step) override;
  void end_step(int64_t step) override;
  // After the run: writes its last step, where it has ended before the one that was asked for.
  void finish();

 private:
  void write();

  std::string path_;
  int64_t steps_to_go_;
  const nn::Network& network_;
  comm::Group& group_;
  Recording recording_;
  bool recorded_ = false;
  bool written_ = false;
};

}  // namespace lockstep::train
