#include "lockstep/parallel/background.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace lockstep::parallel {

struct Background::Handle::State {
  std::packaged_task<void()> task;
  std::future<void> result;
};

struct Background::Thread {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::shared_ptr<Handle::State>> queue;
  bool stop = false;
  std::thread thread;  // last: it uses the others

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [&] { return stop || !queue.empty(); });
      if (stop) return;
      const auto state = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      state->task();
      lock.lock();
    }
  }
};

bool Background::Handle::is_done() const {
  return state_->result.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

void Background::Handle::wait() { state_->result.get(); }

Background::Background() : thread_(std::make_unique<Thread>()) {
  thread_->thread = std::thread([thread = thread_.get()] { thread->work(); });
}

Background::~Background() {
  {
    const std::lock_guard lock(thread_->mutex);
    thread_->stop = true;
  }
  thread_->wake.notify_one();
  thread_->thread.join();
}

Background::Handle Background::run(std::function<void()> task) {
  Handle handle;
  handle.state_ = std::make_shared<Handle::State>();
  handle.state_->task = std::packaged_task<void()>(std::move(task));
  handle.state_->result = handle.state_->task.get_future();
  {
    const std::lock_guard lock(thread_->mutex);
    thread_->queue.push_back(handle.state_);
  }
  thread_->wake.notify_one();
  return handle;
}

}  // namespace lockstep::parallel
