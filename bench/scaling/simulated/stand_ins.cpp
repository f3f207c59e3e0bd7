// What simulated ranks have in place of some of the project's sources, behind the same headers: memory that
// all ranks share, since values do not matter; one thread a rank; nobody who watches.
#include <mpi.h>

#include "lockstep/comm/stall.h"
#include "lockstep/core/buffer.h"
#include "lockstep/parallel/workers.h"
#include "mpi_transport.h"
#include "mpi_watch.h"

namespace lockstep {

Buffer::Buffer(int64_t floats, Pages) : size_(floats) {
  if (floats > 0)
    data_ = static_cast<float*>(SMPI_SHARED_MALLOC(static_cast<size_t>(floats) * sizeof(float)));
}
// SMPI leaves such memory be when it is freed.
Buffer Buffer::of_mapping(void* memory, int64_t floats) {
  Buffer buffer;
  buffer.data_ = static_cast<float*>(memory);
  buffer.size_ = floats;
  return buffer;
}
Buffer::~Buffer() {
  if (data_ != nullptr) SMPI_SHARED_FREE(data_);
}

namespace parallel {

struct Workers::Arena {};
Workers::Workers(int threads, std::function<void()>) : threads_(threads) {}
Workers::~Workers() = default;
Timeline* Workers::timeline_of_slot() const { return nullptr; }
void Workers::for_each(int64_t count, const std::function<void(int64_t, int)>& task) {
  for (int64_t index = 0; index < count; ++index) task(index, 0);
}

}  // namespace parallel

namespace comm {

std::string mpi_transport() { return "SMPI"; }
std::unique_ptr<StallWatch> watch_over_mpi(MPI_Comm, const WatchOrder&) { return nullptr; }

}  // namespace comm

}  // namespace lockstep
