#include "watchdog.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace lockstep::test {

Watchdog::Watchdog(int rank, std::chrono::seconds limit)
    : rank_(rank),
      limit_(limit),
      deadline_(std::chrono::steady_clock::now() + limit),
      thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::begin(const std::string& phase) {
  const std::lock_guard lock(mutex_);
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + limit_;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (std::chrono::steady_clock::now() >= deadline_) bark();
    wake_.wait_for(lock, std::chrono::milliseconds(100));
  }
}

void Watchdog::bark() const {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  std::fprintf(stderr, "rank %d on %s has been stuck in %s for %ld s\n", rank_, host, phase_.c_str(),
               static_cast<long>(limit_.count()));
  std::fflush(stderr);
  // The launcher kills the other ranks when this one is gone, and they may have as much to say.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::_Exit(1);
}

}  // namespace lockstep::test
