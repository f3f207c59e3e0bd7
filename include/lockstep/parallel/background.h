// One thread that works ahead of the others.
#pragma once

#include <functional>
#include <memory>

namespace lockstep::parallel {

// Runs tasks one after the other on a thread of its own, in the order they were given.
class Background {
 public:
  Background();
  ~Background();  // waits for the task under way; those not begun are dropped
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // An exception of the task is kept, and thrown by the handle's wait().
  class Handle {
   public:
    bool is_done() const;
    void wait();  // may be called once
   private:
    friend class Background;
    struct State;
    std::shared_ptr<State> state_;
  };
  Handle run(std::function<void()> task);

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace lockstep::parallel
