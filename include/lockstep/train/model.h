// A network with the loss it is trained for, fitted to a dataset.
#pragma once

#include <memory>

#include "lockstep/core/options.h"
#include "lockstep/io/dataset_file.h"
#include "lockstep/kernels/precision.h"
#include "lockstep/nn/loss.h"
#include "lockstep/nn/network.h"

namespace lockstep::train {

enum class Target { kLabels, kValues, kInput, kLayer };  // what the output is compared with

struct Model {
  nn::Network network;
  std::unique_ptr<nn::Loss> loss;
  Target target;
  int target_node = -1;  // of the network, where the target is a layer
  // Whether a score is of the mean of the outputs for a picture and for its mirror image, left and right,
  // before any softmax or sigmoid (Krizhevsky et al. 2012, "ImageNet classification with deep convolutional
  // neural networks", section 4.1, who take crops too, and the mean of probabilities).
  bool both_views = false;

  // Whether the error is a rate of wrong labels (else a summed squared difference).
  bool classifies() const { return target == Target::kLabels; }
};

// What the options say of all layers.
nn::NetworkSettings network_settings(const Options& options);

// Fails where the options ask for a precision that this machine or build does not have.
void check_precision(const Options& options, const kernels::Bf16Support& support);

// Fails, naming both sides, where dataset, network, loss and target do not fit together.
Model make_model(const Options& options, const io::DatasetInfo& dataset);

}  // namespace lockstep::train
