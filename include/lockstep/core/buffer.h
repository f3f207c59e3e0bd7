// Page-aligned memory for arrays of floats: zero at first, and backed by memory only where it is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lockstep {

inline constexpr size_t kHugePage = size_t{2} << 20;  // bytes

enum class Pages {
  kHuge,   // for arrays used whole: fewer TLB misses
  kSmall,  // for arrays of which a rank touches only its part: the rest costs nothing
};

class Buffer {
 public:
  Buffer() = default;
  // Fails with an Error that states the size where the memory cannot be had.
  explicit Buffer(int64_t floats, Pages pages = Pages::kHuge);
  // Takes over memory that mmap() gave.
  static Buffer of_mapping(void* memory, int64_t floats);
  ~Buffer();
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  float* data() { return data_; }
  const float* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  float* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace lockstep
