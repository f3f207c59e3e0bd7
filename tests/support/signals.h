// The one StopSignal of the unit tests: made in main, before any other thread, as it asks for.
#pragma once

#include "lockstep/train/stop_signal.h"

namespace lockstep::test {

train::StopSignal& stop_signals();

}  // namespace lockstep::test
