// Whether two ranks see the same dataset.
#pragma once

#include <string>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

// What tells a dataset from others, as lines: the shape of its samples, the rows of each split, and the
// digest; where nobody has computed that, because the file states none and is too large to be held, the
// digest of a few samples from all over each split. Reads these; fails on damaged data, naming the file.
std::string identity_of(const Dataset& dataset);

}  // namespace lockstep::data
