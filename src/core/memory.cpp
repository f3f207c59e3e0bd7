#include "lockstep/core/memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

namespace lockstep {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// The files of a control group, by version.
struct GroupFiles {
  const char* controller;  // as /proc/self/cgroup names it
  const char* mount;       // where the groups lie, below the root
  const char* limit;
  const char* usage;
  const char* cache[2];  // lines of memory.stat: what of the usage can be dropped
};

constexpr GroupFiles kVersion1 = {"memory",
                                  "sys/fs/cgroup/memory",
                                  "memory.limit_in_bytes",
                                  "memory.usage_in_bytes",
                                  {"total_inactive_file", "total_active_file"}};
constexpr GroupFiles kVersion2 = {
    "", "sys/fs/cgroup", "memory.max", "memory.current", {"inactive_file", "active_file"}};

// The first number of a file; none where there is no such file, or no number ("max").
std::optional<int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  int64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// The number behind a name in a file of lines "name number".
std::optional<int64_t> number_of(const std::string& name, const fs::path& path) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    int64_t number = 0;
    if (word == name && file >> number) return number;
  }
  return std::nullopt;
}

// What one group's limit leaves.
int64_t left_in(const fs::path& group, const GroupFiles& files) {
  const auto limit = number_in(group / files.limit);
  const auto usage = number_in(group / files.usage);
  if (!limit || !usage) return kUnlimited;
  int64_t held = *usage;
  for (const char* name : files.cache) held -= number_of(name, group / "memory.stat").value_or(0);
  return std::max<int64_t>(*limit - std::max<int64_t>(held, 0), 0);
}

// The least that a group and those around it leave. In a container the path may be that of the host: then
// only the outermost, which is the container's own, is found.
int64_t left_in_all(const fs::path& mount, const std::string& path, const GroupFiles& files) {
  fs::path group = mount;
  int64_t left = left_in(group, files);
  for (const fs::path& part : fs::path(path).relative_path()) {
    group /= part;
    left = std::min(left, left_in(group, files));
  }
  return left;
}

// Lines of /proc/self/cgroup are "4:memory,other:/path", or "0::/path" for version 2.
int64_t left_in_groups(const fs::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  int64_t left = kUnlimited;
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    for (const GroupFiles& files : {kVersion1, kVersion2}) {
      if (controllers.find("," + std::string(files.controller) + ",") == std::string::npos) continue;
      left = std::min(left, left_in_all(root / files.mount, path, files));
    }
  }
  return left;
}

}  // namespace

int64_t available_memory(const fs::path& root) {
  const auto kilobytes = number_of("MemAvailable:", root / "proc/meminfo");
  const int64_t free = static_cast<int64_t>(sysconf(_SC_AVPHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return std::min(kilobytes ? *kilobytes * 1024 : free, left_in_groups(root));
}

std::string bytes_text(int64_t bytes) {
  const double megabytes = static_cast<double>(bytes) / 1e6;
  char buffer[32];
  if (megabytes < 1e4) {
    std::snprintf(buffer, sizeof buffer, "%.0f MB", megabytes);
  } else {
    std::snprintf(buffer, sizeof buffer, "%.1f GB", megabytes / 1e3);
  }
  return buffer;
}

}  // namespace lockstep
