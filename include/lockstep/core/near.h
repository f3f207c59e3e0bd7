// Names that a user may have meant.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

// "did you mean 'momentum'?" for candidates within a small edit distance, else "known: a, b, c".
std::string suggestion(const std::string& name, const std::vector<std::string>& known);

}  // namespace lockstep
