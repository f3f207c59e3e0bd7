// SIGTERM, SIGINT and SIGUSR1 (Slurm's warning before the time limit) ask a training run for an end in good
// order.
#pragma once

#include <atomic>
#include <thread>

namespace lockstep::train {

// Takes these signals on a thread of its own, from construction to destruction. They are blocked everywhere
// else: a handler on a computing thread would write its frame over the data of oneDNN's matrix products,
// which use the stack pointer for other things. So construct one in main, before any other thread starts. At
// most one at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // While a Listening lives, the first signal is remembered for it, and others are ignored from then on, but
  // for a second SIGINT. That, and any signal while nobody listens, ends the process as it would without this
  // class.
  class Listening {
   public:
    explicit Listening(StopSignal& signals);
    ~Listening();
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    int received() const { return signals_.received_; }  // the signal's number; 0: none yet
    // Another rank was told to stop, so this one stops too. The same signal may still be on its way here, and
    // shall find the process as if it had come in time.
    void stop_with_the_others() const { signals_.stopping_ = true; }

   private:
    StopSignal& signals_;
  };

 private:
  void take_signals();

  std::atomic<bool> ending_{false};
  std::atomic<bool> listening_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> received_{0};
  std::thread thread_;  // last: it uses the others
};

const char* signal_name(int signal);  // "SIGTERM"

}  // namespace lockstep::train
