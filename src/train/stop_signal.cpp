#include "lockstep/train/stop_signal.h"

#include <csignal>

namespace lockstep::train {

namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGUSR1};

// A signal handler can reach nothing but a global.
volatile std::sig_atomic_t received_signal = 0;

void remember(int signal) {
  if (received_signal != 0 && signal == SIGINT) std::signal(SIGINT, SIG_DFL);
  if (received_signal == 0) received_signal = signal;
}

}  // namespace

StopSignal::StopSignal() {
  received_signal = 0;
  for (const int signal : kSignals) {
    struct sigaction action {};
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
  }
}

StopSignal::~StopSignal() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
}

int StopSignal::received() const { return received_signal; }

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
