#include "lockstep/train/stop_signal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "support/signals.h"

namespace lockstep::train {
namespace {

// A run ends; then a signal comes. In a process of its own, made anew.
void end_a_run(bool with_the_others) {
  {
    const StopSignal::Listening stop(test::stop_signals());
    if (with_the_others) stop.stop_with_the_others();
  }
  kill(getpid(), SIGUSR1);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  _exit(0);
}

// mpirun passes a signal to one rank after the other: the run may have ended before a slow one gets its own.
TEST(LateSignalDeathTest, OfAStopThatOthersHaveHadChangesNothing) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(end_a_run(true), testing::ExitedWithCode(0), "");
}

TEST(LateSignalDeathTest, WithoutAStopEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(end_a_run(false), testing::KilledBySignal(SIGUSR1), "");
}

}  // namespace
}  // namespace lockstep::train
