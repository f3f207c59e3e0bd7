// Private to src/analysis: the samples of a split made into those of a file, spread over ranks and threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lockstep/analysis/sample_source.h"
#include "lockstep/analysis/share.h"
#include "lockstep/io/dataset_file.h"

namespace lockstep::analysis {

// Some samples in a row; mean and deviation are numbers that go with each, where the map leaves any.
struct MappedRows {
  int64_t first = 0;
  std::vector<float> values;
  std::vector<float> mean;
  std::vector<float> deviation;
};

// Makes `count` rows of the source, from row `first` on, into as many of the result. `rows` is its to change.
using MapRows =
    std::function<void(int64_t first, int64_t count, float* rows, float* out, float* mean, float* deviation)>;
using TakeRows = std::function<void(const SampleSource::Block& block, const MappedRows& mapped)>;

// Collective. Calls `map` for groups of rows, each on some rank and thread, and `take` on rank 0 for all,
// block by block in order. `width`: values of a row of the result.
void map_rows(const Team& team, const SampleSource& source, int64_t width, const MapRows& map,
              const TakeRows& take);

// The mapped rows as those of a file, with labels and targets of the block where `info` has any.
io::Rows file_rows(const SampleSource::Block& block, const MappedRows& mapped, const io::DatasetInfo& info);

}  // namespace lockstep::analysis
