// A step whose loss was infinite or NaN, in one small HDF5 file: all that it takes to repeat it alone,
// without the dataset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/buffer.h"
#include "lockstep/core/options.h"
#include "lockstep/core/parameter_layout.h"
#include "lockstep/io/dataset_file.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

// Which microbatch of which step: what random numbers follow from, with the seed.
struct Place {
  int64_t epoch = 0;
  int64_t step = 0;             // from 0
  int64_t minibatch = 0;        // samples of the step
  int64_t microbatch = 0;       // of the step, from 0
  int64_t microbatch_size = 0;  // samples of a microbatch; the step's last may have fewer

  bool operator==(const Place&) const = default;
};

struct FailedStep {
  std::string resolved;  // every option written out
  io::DatasetInfo info;  // how the samples are stored; without its source
  ParameterLayout layout;
  Buffer parameters;  // as the step began with them
  Place place;
  io::Rows rows;                 // the microbatch's samples, as they are stored
  std::vector<int64_t> indices;  // of them in /train
  double loss = 0;               // that was found, summed over the samples
  std::string gradient_digest;   // of the microbatch's gradient
  std::string cause;             // what was not finite first, for people
  Attributes provenance;
};

// The file that a run writes: beside its checkpoint, "run.nan.h5" for "run.h5"; "lockstep-nan.h5" where it
// writes none.
std::string failed_step_path(const Options& options);

// Replaces what was there, at once and whole. Fails where something else than such a file is there, which
// stays. All but the provenance is the same on any number of ranks.
void write_failed_step(const std::string& path, const FailedStep& step);

// Reads and verifies it. A file that is missing, cut short, of another format, or whose contents do not have
// the digest that it states is an Error that names it.
FailedStep read_failed_step(const std::string& path);

}  // namespace lockstep::train
