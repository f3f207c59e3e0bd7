// SIGTERM, SIGINT and SIGUSR1 (Slurm's warning before the time limit) ask for an end in good order.
#pragma once

namespace lockstep::train {

// While one lives, the first of these signals is remembered; a second SIGINT ends the process at once, for
// those who cannot wait. At most one at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int received() const;  // the signal's number; 0: none yet
};

const char* signal_name(int signal);  // "SIGTERM"

}  // namespace lockstep::train
