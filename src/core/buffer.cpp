#include "lockstep/core/buffer.h"

#include <sys/mman.h>

#include "lockstep/core/error.h"

namespace lockstep {

Buffer::Buffer(int64_t floats, Pages pages) : size_(floats) {
  if (floats == 0) return;
  const size_t bytes = static_cast<size_t>(floats) * sizeof(float);
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    fail("no memory for an array of ", bytes / 1e6,
         " MB; use a smaller microbatch or network, fewer threads a rank, or fewer ranks a node");
  }
  // Only advice: where the kernel has no huge pages, small ones serve.
  if (pages == Pages::kHuge && bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  data_ = static_cast<float*>(memory);
}

Buffer Buffer::of_mapping(void* memory, int64_t floats) {
  Buffer buffer;
  buffer.data_ = static_cast<float*>(memory);
  buffer.size_ = floats;
  return buffer;
}

Buffer::~Buffer() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(size_) * sizeof(float));
}

}  // namespace lockstep
