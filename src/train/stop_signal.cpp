#include "lockstep/train/stop_signal.h"

#include <pthread.h>

#include <csignal>

namespace lockstep::train {

namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

// What the signal does where nobody handles it.
void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(signal);
}

}  // namespace

StopSignal::StopSignal() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { take_signals(); });
}

StopSignal::~StopSignal() {
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);  // wakes the thread
  thread_.join();
}

void StopSignal::take_signals() {
  const sigset_t set = stop_signals();
  while (true) {
    int signal = 0;
    sigwait(&set, &signal);
    if (ending_) return;
    if (!listening_ || (received_ != 0 && signal == SIGINT)) end_by(signal);
    if (received_ == 0) received_ = signal;
  }
}

StopSignal::Listening::Listening(StopSignal& signals) : signals_(signals) {
  signals_.received_ = 0;
  signals_.stopping_ = false;
  signals_.listening_ = true;
}

// Once a run was told to stop, further signals (Slurm and mpirun may both send one) have nothing to add: it
// is ending.
StopSignal::Listening::~Listening() { signals_.listening_ = signals_.received_ != 0 || signals_.stopping_; }

const char* signal_name(int signal) {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "a signal";
  }
}

}  // namespace lockstep::train
