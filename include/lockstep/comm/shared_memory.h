// Memory that the ranks of a host have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "lockstep/comm/group.h"
#include "lockstep/core/buffer.h"

namespace lockstep::comm {

class SharedMemory {
 public:
  SharedMemory() = default;
  // Collective over `host`, a Group::host(): all get the same `bytes` of zeros, at the start of a page, and
  // what one writes the others see; who reads what another wrote has to know that it is there. Fails on all
  // of them with one message, which is about `what` ("the dataset"), where the memory cannot be had; never
  // later, by a signal. The memory is there until the last rank has let go of it, or ended in any way. It
  // lies near the core that rank `near` is on.
  SharedMemory(Group& host, int64_t bytes, std::string_view what, int near = 0);
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  // From now on the result's.
  Buffer release() &&;

 private:
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace lockstep::comm
