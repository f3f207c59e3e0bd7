// A split that the ranks of a host hold in common.
#pragma once

#include "lockstep/comm/shared_memory.h"
#include "lockstep/data/dataset.h"

namespace lockstep::data {

class MemorySplit : public Split {
 public:
  // Collective over `host`, a comm::Group::host(); fails on all of them. The samples are to be written by any
  // of them before any fetches some.
  MemorySplit(comm::Group& host, int64_t rows, const io::DatasetInfo& info);

  int64_t rows() const override { return memory_.count; }
  Samples fetch(std::vector<int64_t> indices) const override;
  const io::RowsMemory& memory() const { return memory_; }
  int64_t bytes() const { return shared_.bytes(); }

 private:
  io::DatasetInfo info_;
  comm::SharedMemory shared_;
  io::RowsMemory memory_;  // in it
};

}  // namespace lockstep::data
