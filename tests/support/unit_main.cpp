// main of unit_tests.
#include <gtest/gtest.h>

#include "signals.h"

namespace lockstep::test {

namespace {
train::StopSignal* the_signals = nullptr;
}

train::StopSignal& stop_signals() { return *the_signals; }

int main_of_unit_tests(int argc, char** argv) {
  train::StopSignal signals;
  the_signals = &signals;
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace lockstep::test

int main(int argc, char** argv) { return lockstep::test::main_of_unit_tests(argc, argv); }
