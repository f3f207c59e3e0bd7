// A dataset as training sees it: splits whose samples can be had by index.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/core/options.h"
#include "lockstep/core/shape.h"
#include "lockstep/io/dataset_file.h"

namespace lockstep::data {

// Some samples of a split, as they are stored. The pointers are into the split's memory or into `rows`.
struct Samples {
  std::vector<int64_t> indices;              // in the split
  std::vector<const unsigned char*> inputs;  // one a sample, in the stored type
  std::vector<int32_t> labels;               // empty where there are none
  std::vector<const float*> targets;         // empty where there are none
  io::Rows rows;                             // holds what was read for these samples alone
};

// Some samples as rows, which need no split, and back.
io::Rows rows_of(const Samples& samples, const io::DatasetInfo& info);
Samples samples_of(io::Rows rows, std::vector<int64_t> indices, const io::DatasetInfo& info);

class Split {
 public:
  virtual ~Split() = default;
  virtual int64_t rows() const = 0;
  // Fetches samples by index. Not thread safe, like what follows; fails on damaged data, naming the file.
  virtual Samples fetch(std::vector<int64_t> indices) const = 0;
  // Reads a part of what fetch() will need for these samples. Worth while for those of so many sets later.
  virtual void look_ahead(const std::vector<int64_t>& /*indices*/) const {}
  virtual int64_t sets_ahead() const { return 0; }
};

struct Dataset {
  std::string name;  // the file, or the generator
  io::DatasetInfo info;
  std::string digest;  // what it holds; empty where nobody has computed it
  bool in_memory = true;
  int64_t memory_bytes = 0;      // what is held there, or at most of a file that is read as it is needed,
  int held_by = 1;               // by so many ranks of this host in common
  bool rereads = false;          // whether a shuffled epoch reads blocks of the file again and again
  std::unique_ptr<Split> train;  // null where there is none
  std::unique_ptr<Split> validation;  // likewise
  std::unique_ptr<Split> test;        // likewise

  Shape shape() const { return Shape::from_dims(info.sample_dims); }
};

// The splits that there are, by their names, in the order train, validation, test.
struct NamedSplit {
  std::string name;
  const Split* split;
};
std::vector<NamedSplit> splits_of(const Dataset& dataset);

// Collective. From a file or a generator. A dataset that fits is held in memory, as stored (uint8 stays
// uint8), once a host: its ranks share it (comm::Group::host()). One of them reads the file, and checks its
// digest against the stated one; of a generator's samples each makes its share. What does not fit, every rank
// reads from the file when it is asked for.
Dataset open_dataset(const Options& options, comm::Group& group, int ranks_on_host);

}  // namespace lockstep::data
