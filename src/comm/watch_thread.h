// A thread that looks around at intervals.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace lockstep::comm {

// How often to look, so that a stall is seen little after its limit (seconds).
inline double watch_interval(double limit) { return std::clamp(limit / 20, 0.05, 1.0); }

class WatchThread {
 public:
  // `look` is called every `seconds` on the thread, until destruction.
  WatchThread(double seconds, std::function<void()> look)
      : look_(std::move(look)), thread_([this, seconds] { run(std::chrono::duration<double>(seconds)); }) {}
  ~WatchThread() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

 private:
  void run(std::chrono::duration<double> interval) {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, interval, [this] { return stop_; })) look_();
  }

  std::function<void()> look_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace lockstep::comm
