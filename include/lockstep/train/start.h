// How a run starts from other runs' checkpoints: layer by layer by name, or stacked on an encoder.
#pragma once

#include <string>
#include <vector>

#include "lockstep/core/options.h"
#include "lockstep/core/parameter_layout.h"
#include "lockstep/io/dataset_file.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

// The files that start-from names, in order.
std::vector<std::string> start_files(const Options& options);

// Copies into `arena` every parameter that the checkpoint has under the same layer and name, of the layers
// whose lines in `options` say name=. A parameter of another shape is an error, and so is a checkpoint with
// none of the network's; both name `path`. A usage error where inputs are normalised otherwise than they were
// there and nobody said so.
void start_from(const Checkpoint& checkpoint, const std::string& path, const Options& options,
                const ParameterLayout& layout, float* arena);

// What stack-on stands for, in options that do without: the encoder of `checkpoint`, for samples of this
// dataset, below the configuration's own lines. Its layers do not learn and start from the checkpoint; an
// input to reproduce becomes the code, and inputs are normalised as they were there. Layers without a name
// get one that the checkpoint does not have. A usage error where a name is taken, inputs are normalised
// differently, or the network has no such code.
Options stacked(const Options& options, const Checkpoint& checkpoint, const std::string& path,
                const io::DatasetInfo& dataset);

}  // namespace lockstep::train
