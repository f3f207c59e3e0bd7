// Ends a process whose test does not end, with a message that says which rank stood where.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace lockstep::test {

class Watchdog {
 public:
  // `limit` is for one phase. A process that exceeds it prints its rank, host and phase, gives the others a
  // moment to do so too, and exits.
  Watchdog(int rank, std::chrono::seconds limit);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void begin(const std::string& phase);

 private:
  void watch();
  [[noreturn]] void bark() const;

  int rank_;
  std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string phase_ = "start-up";
  std::chrono::steady_clock::time_point deadline_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace lockstep::test
