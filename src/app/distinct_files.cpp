#include "distinct_files.h"

#include <filesystem>

#include "lockstep/core/error.h"

namespace lockstep::app {

namespace {

void require_distinct(const NamedFile& written, const NamedFile& other) {
  if (!same_file(written.path, other.path)) return;
  fail_usage(written.path, ": ", written.role, " would be written over ", other.role, "; give ", written.role,
             " a file of its own");
}

}  // namespace

bool same_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  std::error_code ignored;
  if (std::filesystem::equivalent(a, b, ignored)) return true;
  const auto whole_a = std::filesystem::weakly_canonical(std::filesystem::absolute(a), ignored);
  const auto whole_b = std::filesystem::weakly_canonical(std::filesystem::absolute(b), ignored);
  return !whole_a.empty() && whole_a == whole_b;
}

void require_distinct(const std::vector<NamedFile>& written, const std::vector<NamedFile>& read) {
  for (size_t i = 0; i < written.size(); ++i) {
    for (const NamedFile& other : read) require_distinct(written[i], other);
    for (size_t j = 0; j < i; ++j) require_distinct(written[i], written[j]);
  }
}

void require_ending(const NamedFile& written, const std::string& ending) {
  if (written.path.empty() || written.path.ends_with(ending)) return;
  fail_usage(written.path, ": ", written.role, " is written as ", ending.substr(1),
             "; give a name that ends in ", ending);
}

}  // namespace lockstep::app
