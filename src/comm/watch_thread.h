// A thread that looks around at intervals.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace lockstep::comm {

class WatchThread {
 public:
  // `look` is called on the thread at once and until destruction, often enough to see a stall little after
  // `limit` seconds. It is given the seconds for which the thread has watched without a break: a process that
  // was stopped itself (Ctrl-Z, a suspended laptop) and goes on is in no place to judge before `limit`
  // seconds.
  WatchThread(double limit, std::function<void(double watched)> look)
      : look_(std::move(look)), thread_([this, limit] { run(limit); }) {}
  ~WatchThread() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

 private:
  void run(double limit) {
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;
    const Seconds interval(std::clamp(limit / 20, 0.05, 1.0));
    Clock::time_point begin = Clock::now();
    Clock::time_point last = begin;
    std::unique_lock lock(mutex_);
    do {
      const Clock::time_point now = Clock::now();
      if (Seconds(now - last).count() > limit / 2) begin = now;
      last = now;
      look_(Seconds(now - begin).count());
    } while (!wake_.wait_for(lock, interval, [this] { return stop_; }));
  }

  std::function<void(double)> look_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace lockstep::comm
