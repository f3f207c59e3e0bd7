// A file without a name, in memory, which the other ranks of the host open through the rank that made it.
// MPI's own shared windows would lie in /dev/shm: a container has 64 MB there; where it is full, Open MPI 4.1
// fails on one rank and leaves the others waiting; and as it reserves nothing, a write may end the process
// with SIGBUS later.
#include "lockstep/comm/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>

#include "lockstep/core/error.h"
#include "lockstep/core/memory.h"

namespace lockstep::comm {

namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

// Where a rank's file is, and which it is: in another container the same path may lead to another file.
struct Location {
  pid_t process;
  int descriptor;
  dev_t device;
  ino_t inode;
};

std::string reason() { return std::strerror(errno); }

struct stat status_of(const Descriptor& file) {
  struct stat status {};
  if (fstat(file.number(), &status) != 0) fail("no status of a file in memory: ", reason());
  return status;
}

void require_available(int64_t bytes) {
  const int64_t available = available_memory();
  if (bytes > available) fail("the host has ", bytes_text(available), " left");
}

// With memory behind all of it. The kernel would look for it until it ends some process.
Descriptor create(int64_t bytes) {
  require_available(bytes);
  Descriptor file(memfd_create("lockstep", MFD_CLOEXEC));
  if (file.number() < 0) fail("no file in memory can be made: ", reason());
  if (ftruncate(file.number(), bytes) != 0) fail(reason());
  do {
    errno = posix_fallocate(file.number(), 0, bytes);
  } while (errno == EINTR);
  if (errno != 0) fail(reason());
  return file;
}

Descriptor open_at(const Location& location) {
  const std::string path = text("/proc/", location.process, "/fd/", location.descriptor);
  Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.number() < 0) fail("the memory of another rank cannot be opened at ", path, ": ", reason());
  const struct stat found = status_of(file);
  if (found.st_dev != location.device || found.st_ino != location.inode) {
    fail("at ", path, " is not the memory of another rank");
  }
  return file;
}

// At a multiple of a huge page: elsewhere the kernel gives none to a file.
std::byte* map(int64_t size, int kind, int descriptor) {
  const size_t bytes = static_cast<size_t>(size);
  void* const room =
      mmap(nullptr, bytes + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) fail(reason());
  const size_t before = -reinterpret_cast<size_t>(room) % kHugePage;
  std::byte* const place = static_cast<std::byte*>(room) + before;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t pages = (bytes + page - 1) / page * page;
  if (mmap(place, bytes, PROT_READ | PROT_WRITE, kind | MAP_FIXED, descriptor, 0) == MAP_FAILED) {
    const std::string why = reason();
    munmap(room, bytes + kHugePage);
    fail(why);
  }
  if (before > 0) munmap(room, before);
  munmap(place + pages, bytes + kHugePage - before - pages);
  return place;
}

// Only advice, which Linux takes from 6.1 on: each rank of the host asks for its part.
void ask_for_huge_pages(std::byte* data, int64_t bytes, int rank, int ranks) {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE, which glibc 2.36 does not name
  const size_t pages = static_cast<size_t>(bytes) / kHugePage;
  const size_t begin = pages * static_cast<size_t>(rank) / static_cast<size_t>(ranks);
  const size_t end = pages * static_cast<size_t>(rank + 1) / static_cast<size_t>(ranks);
  if (begin < end) madvise(data + begin * kHugePage, (end - begin) * kHugePage, kCollapse);
}

// Collective. Where `action` fails on some rank, the first such rank's error on all: to other hosts, it is
// one that these ranks have each for itself.
void on_all(Group& host, const std::function<void()>& action) {
  std::string failure;
  try {
    action();
  } catch (const Error& error) {
    failure = error.what();
  }
  for (const std::string& text : host.gather_texts(failure)) {
    if (!text.empty()) fail(text);
  }
}

// Of a rank that is its host's only one. The kernel gives pages as they are written, and ends some process
// where there are none.
std::byte* keep_alone(int64_t bytes) {
  require_available(bytes);
  std::byte* const data = map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
  madvise(data, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  return data;
}

std::byte* share(Group& host, int64_t bytes, int maker) {
  Descriptor file;
  Location location{};
  on_all(host, [&] {
    if (host.rank() != maker) return;
    file = create(bytes);
    const struct stat status = status_of(file);
    location = {getpid(), file.number(), status.st_dev, status.st_ino};
  });
  host.broadcast(&location, sizeof location, maker);
  std::byte* data = nullptr;
  on_all(host, [&] {
    if (host.rank() != maker) file = open_at(location);
    data = map(bytes, MAP_SHARED, file.number());
  });
  ask_for_huge_pages(data, bytes, host.rank(), host.size());
  return data;
}

}  // namespace

SharedMemory::SharedMemory(Group& host, int64_t bytes, std::string_view what, int near) : bytes_(bytes) {
  if (bytes == 0) return;
  try {
    data_ = host.size() > 1 ? share(host, bytes, near) : keep_alone(bytes);
  } catch (const Error& error) {
    fail("no memory for ", what, " (", bytes_text(bytes), "): ", error.what());
  }
}

Buffer SharedMemory::release() && {
  const auto floats = std::exchange(bytes_, 0) / static_cast<int64_t>(sizeof(float));
  return Buffer::of_mapping(std::exchange(data_, nullptr), floats);
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(bytes_));
}

}  // namespace lockstep::comm
