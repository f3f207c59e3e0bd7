#include "lockstep/io/replace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

namespace fs = std::filesystem;

// A writer on another host cannot be asked whether it lives; one that wrote nothing for an hour does not.
constexpr auto kForeignLeftoverAge = std::chrono::hours(1);

std::string folder_of(const std::string& file) {
  const std::string folder = fs::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

// ".NAME.partial-HOST-", to which process id and a number within the process are added.
std::string common_prefix(const std::string& target) {
  return "." + fs::path(target).filename().string() + ".partial-";
}

// Two in one process may be under way for one target, so the process id alone does not tell them apart.
std::string unique_suffix() {
  static std::atomic<int> count{0};
  return text(::getpid(), "-", count++);
}

// A link stays a link: what it leads to is replaced.
std::string resolve(const std::string& target) {
  std::error_code error;
  if (!fs::is_symlink(target, error)) return target;
  const fs::path real = fs::weakly_canonical(target, error);
  return error ? target : real.string();
}

// Whether the process that wrote a file at `modified` may still be at work. One that was killed may stay as a
// zombie where nobody collects it, as in containers; and a process that started later only has the number of
// the dead one.
bool may_live(pid_t process, std::time_t modified) {
  if (::kill(process, 0) != 0 && errno == ESRCH) return false;
  std::ifstream file(text("/proc/", process, "/stat"));
  std::string line;
  if (!std::getline(file, line) || line.rfind(')') == std::string::npos) return true;
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") return false;
  constexpr int kFieldsToStart = 18;  // from the parent's number to the one before the start
  std::string skipped;
  for (int i = 0; i < kFieldsToStart; ++i) fields >> skipped;
  double ticks = 0;
  double uptime = 0;
  if (!(fields >> ticks) || !(std::ifstream("/proc/uptime") >> uptime)) return true;
  const double age = uptime - ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  constexpr double kSlack = 5;  // seconds, for clocks of different grain
  return static_cast<double>(std::time(nullptr) - modified) < age + kSlack;
}

bool is_abandoned(const fs::directory_entry& entry, const std::string& prefix) {
  const std::string own = prefix + host_name() + "-";
  const std::string name = entry.path().filename().string();
  if (!name.starts_with(own)) {
    std::error_code error;
    const auto modified = entry.last_write_time(error);
    return !error && fs::file_time_type::clock::now() - modified > kForeignLeftoverAge;
  }
  pid_t process = 0;
  const auto parsed = std::from_chars(name.data() + own.size(), name.data() + name.size(), process);
  struct stat status {};
  if (parsed.ec != std::errc() || process <= 0 || ::stat(entry.path().c_str(), &status) != 0) return false;
  return !may_live(process, status.st_mtime);
}

// Best effort: what cannot be listed or removed does not keep the new file from being written.
void remove_leftovers(const std::string& target) {
  const std::string prefix = common_prefix(target);
  std::error_code error;
  for (fs::directory_iterator entry(folder_of(target), error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix) || !is_abandoned(*entry, prefix)) continue;
    std::error_code not_removed;
    fs::remove(entry->path(), not_removed);
  }
}

void sync_path(const std::string& path, int flags, const std::string& target) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) fail(target, ": cannot be replaced: ", path, ": ", std::strerror(errno));
  const int error_number = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // EINVAL: a file system that has nothing to sync for a folder.
  if (error_number == 0 || error_number == EINVAL) return;
  fail(target, ": cannot be replaced: ", path,
       " could not be brought to the disk: ", std::strerror(error_number));
}

// Failing before the work that the file shall hold, rather than after it.
void check_target(const std::string& target) {
  if (fs::path(target).filename().empty()) fail_usage("\"", target, "\" is not the name of a file to write");
  struct stat status {};
  if (::stat(target.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  fail(target, ": cannot be replaced: it is ", S_ISDIR(status.st_mode) ? "a folder" : "no regular file");
}

}  // namespace

Replacement::Replacement(const std::string& target) : target_(resolve(target)) {
  check_target(target_);
  const std::string folder = folder_of(target_);
  remove_leftovers(target_);
  path_ = (fs::path(target_).parent_path() / (common_prefix(target_) + host_name() + "-" + unique_suffix()))
              .string();
  const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    ::close(descriptor);
    return;
  }
  const int error_number = errno;
  if (error_number == ENOENT && !fs::exists(folder))
    fail(target_, ": cannot be written: the folder ", folder, " does not exist");
  fail(target_, ": cannot be written: no file can be created in ", folder, ": ", std::strerror(error_number));
}

Replacement::~Replacement() {
  if (!committed_) ::unlink(path_.c_str());
}

void Replacement::commit() {
  sync_path(path_, O_RDONLY, target_);
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    fail(target_, ": cannot be replaced by ", path_, ": ", std::strerror(errno));
  }
  committed_ = true;
  sync_path(folder_of(target_), O_RDONLY | O_DIRECTORY, target_);
}

void replace_file(const std::string& target, std::string_view bytes, std::string_view what) {
  Replacement replacement(target);
  std::ofstream file(replacement.path(), std::ios::binary);
  file << bytes;
  file.close();
  if (!file) fail(target, ": ", what, " could not be written; is there space left on the disk?");
  replacement.commit();
}

}  // namespace lockstep::io
