// Codes and reconstructions of whole datasets, as datasets: the same bytes on any number of ranks and
// threads.
//
// Samples are those that the network sees, normalised. Labels are kept. Blocks of samples are spread over
// ranks and threads, and rank 0 writes them, so that memory is for a block.
#pragma once

#include <string>
#include <vector>

#include "lockstep/analysis/code_statistics.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/unpack.h"
#include "lockstep/nn/network.h"

namespace lockstep::analysis {

// A trained network, or a part of one, and what to apply it to. References stay in use.
struct Application {
  const data::Dataset& dataset;
  const data::Unpacker& unpacker;
  const nn::Network& network;
  const float* parameters;
};

struct EncodedSplit {
  std::string split;
  CodeStatistics code;
};

// Collective. The output of the encoder for every sample of every split, as inputs to train on. `done` goes
// into the dataset's source, behind where the samples came from.
std::vector<EncodedSplit> encode_dataset(const Team& team, const Application& encoder,
                                         const Activity& activity, const std::string& done,
                                         const std::string& output);

struct ReconstructedSplit {
  std::string split;
  int64_t samples = 0;
  double squared_error = 0;  // |r(x) - x|^2, mean over the samples
};

// Collective. Reconstructions as inputs, in the samples' shape, and the samples themselves as targets; with
// `sigmoid_on_top`, the sigmoid of the network's output.
std::vector<ReconstructedSplit> reconstruct_dataset(const Team& team, const Application& autoencoder,
                                                    bool sigmoid_on_top, const std::string& done,
                                                    const std::string& output);

}  // namespace lockstep::analysis
