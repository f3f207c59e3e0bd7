// A checkpoint: one HDF5 file that is a complete record of a run, readable without this program.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lockstep/core/buffer.h"
#include "lockstep/core/parameter_layout.h"
#include "lockstep/core/shape.h"
#include "lockstep/io/file.h"
#include "lockstep/train/history.h"

namespace lockstep::train {

// Where a run stands.
struct State {
  int64_t step = 0;      // steps done
  int64_t epoch = 0;     // of the next step
  int64_t position = 0;  // samples of that epoch already used
  uint64_t seed = 0;
  bool finished = false;  // whether the configuration's last step is done
  Sums since_row;         // of the history
  Sums since_epoch;

  bool operator==(const State&) const = default;
};

// One array over all parameters: an optimizer's slot.
struct SavedSlot {
  std::string name;
  Buffer values;
};

using Attributes = std::vector<std::pair<std::string, std::string>>;

// All that a file holds.
struct Checkpoint {
  std::string configuration;  // as the user wrote it
  std::string resolved;       // with every option written out
  ParameterLayout layout;
  Buffer parameters;
  std::vector<SavedSlot> slots;
  State state;
  io::Table history;
  Attributes provenance;
  std::string parameters_digest;
};

// Nothing takes the place of what was there before all is written and synced. Fails, too, where a value is
// infinite or NaN. The digest of the parameters is computed, not taken over.
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

// Reads and verifies a whole checkpoint. A file that is missing, cut short, not a checkpoint, or whose
// contents do not have the digest it states is an Error that names it.
Checkpoint read_checkpoint(const std::string& path);

// Fails, naming the first difference, where the checkpoint's parameters are not those of the network for
// samples of this shape.
void require_same_network(const ParameterLayout& checkpoint, const ParameterLayout& network,
                          const Shape& samples, const std::string& path);

// The first difference between two checkpoints in parameters, optimizer state, position or history, for
// people; empty where there is none.
std::string first_difference(const Checkpoint& a, const Checkpoint& b);

}  // namespace lockstep::train
