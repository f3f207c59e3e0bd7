#include "lockstep/io/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lockstep/core/error.h"

namespace lockstep::io {

namespace {

// Of the open file, not of the process, so that it holds within a process too.
bool claim(int descriptor) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_OFD_SETLK, &whole) == 0) return true;
  return errno != EAGAIN && errno != EACCES;  // anything else: no locks on this file system
}

// Whether the name still leads to this file, which its holder takes away at the end.
bool is_current(int descriptor, const std::string& name) {
  struct stat open {};
  struct stat named {};
  return ::fstat(descriptor, &open) == 0 && ::stat(name.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

std::string content(int descriptor) {
  std::string words(1024, '\0');
  const ssize_t length = ::pread(descriptor, words.data(), words.size(), 0);
  words.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return words.empty() ? "a run that has just started" : words;
}

// Half of the words do too.
bool write_holder(int descriptor, const std::string& holder) {
  const std::string line = holder + "\n";
  return ::ftruncate(descriptor, 0) == 0 && ::pwrite(descriptor, line.data(), line.size(), 0) >= 0;
}

}  // namespace

Lock::Lock(const std::string& path, const std::string& holder) {
  // Links to one file have one lock.
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(path, error);
  name_ = (error ? path : real.string()) + ".lock";
  for (;;) {
    descriptor_ = ::open(name_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(name_, ": this lock of ", path, " cannot be written: ", std::strerror(errno));
    if (!claim(descriptor_)) {
      const std::string other = content(descriptor_);
      ::close(descriptor_);
      fail(path, ": another run is writing this file: ", other,
           "; wait until it has ended, stop it, or write another file (--checkpoint FILE)");
    }
    if (is_current(descriptor_, name_)) break;
    ::close(descriptor_);
  }
  if (write_holder(descriptor_, holder)) return;
  const std::string reason = std::strerror(errno);
  release();
  fail(name_, ": this lock of ", path, " cannot be written: ", reason, "; make room, or write another file");
}

void Lock::release() {
  ::unlink(name_.c_str());  // while it is held: nobody else can have claimed this file
  ::close(descriptor_);
}

Lock::~Lock() { release(); }

}  // namespace lockstep::io
