#include "lockstep/parallel/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lockstep::parallel {
namespace {

TEST(Background, TasksRunInOrderOnOneOtherThread) {
  Background background;
  std::vector<int> order;
  std::set<std::thread::id> threads;
  std::vector<Background::Handle> handles;
  for (int i = 0; i < 200; ++i) {
    handles.push_back(background.run([&, i] {
      order.push_back(i);
      threads.insert(std::this_thread::get_id());
    }));
  }
  for (auto& handle : handles) handle.wait();
  ASSERT_EQ(order.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads.count(std::this_thread::get_id()), 0u);
}

TEST(Background, WorksWhileOthersDo) {
  Background background;
  std::promise<void> from_here;
  auto handle = background.run([&] { from_here.get_future().wait(); });
  from_here.set_value();  // a task that ran on this thread could never be told
  handle.wait();
}

TEST(Background, WaitReturnsOnlyWhenTheTaskIsDone) {
  Background background;
  for (int i = 0; i < 100; ++i) {
    bool done = false;
    auto handle = background.run([&] { done = true; });
    handle.wait();
    EXPECT_TRUE(done);
  }
}

TEST(Background, AnExceptionComesThroughItsOwnHandleAndTheNextTaskRuns) {
  Background background;
  auto bad = background.run([] { throw std::runtime_error("no such sample"); });
  bool ran = false;
  auto good = background.run([&] { ran = true; });
  good.wait();
  EXPECT_TRUE(ran);
  try {
    bad.wait();
    FAIL() << "the exception did not come through";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "no such sample");
  }
}

TEST(Background, ItsEndWaitsForTheTaskUnderWayAndDropsTheOthers) {
  std::atomic<int> done{0};
  {
    std::promise<void> begun;
    Background background;
    background.run([&] {
      begun.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ++done;
    });
    for (int i = 0; i < 10; ++i) background.run([&] { done += 100; });
    begun.get_future().wait();
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace lockstep::parallel
