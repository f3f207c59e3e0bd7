// main of unit_tests.
#include <gtest/gtest.h>
#include <unistd.h>

#include "signals.h"

namespace lockstep::test {

namespace {
train::StopSignal* the_signals = nullptr;
const pid_t the_process = ::getpid();
}  // namespace

train::StopSignal& stop_signals() { return *the_signals; }

int main_of_unit_tests(int argc, char** argv) {
  train::StopSignal signals;
  the_signals = &signals;
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

bool is_forked() { return ::getpid() != the_process; }

}  // namespace lockstep::test

// The leak sanitizer asks this. A process forked from one of many threads would wait for those it has not.
extern "C" int __lsan_is_turned_off() { return lockstep::test::is_forked() ? 1 : 0; }

int main(int argc, char** argv) { return lockstep::test::main_of_unit_tests(argc, argv); }
