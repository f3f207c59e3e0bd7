#include "lockstep/core/near.h"

#include <algorithm>
#include <numeric>

namespace lockstep {

namespace {

// Levenshtein's distance.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string join(const std::vector<std::string>& names, const std::string& separator) {
  std::string result;
  for (const auto& name : names) result += (result.empty() ? "" : separator) + name;
  return result;
}

}  // namespace

std::string suggestion(const std::string& name, const std::vector<std::string>& known) {
  std::vector<std::string> near;
  for (const auto& candidate : known) {
    const bool contained = name.size() >= 3 && (candidate.find(name) != std::string::npos ||
                                                (candidate.size() >= 3 && name.find(candidate) == 0));
    if (edit_distance(name, candidate) <= 1 + name.size() / 4 || contained)
      near.push_back("'" + candidate + "'");
  }
  if (!near.empty()) return "did you mean " + join(near, " or ") + "?";
  return "known: " + join(known, ", ");
}

}  // namespace lockstep
