// What is done to stored samples on their way into a network: normalisation always, augmentation in training.
#pragma once

#include <cstdint>
#include <vector>

#include "lockstep/core/options.h"
#include "lockstep/data/dataset.h"

namespace lockstep::data {

// `augment = crop 4, flip`. A crop pads pictures on all sides with stored zeros (before normalisation, as is
// usual for CIFAR: He et al. 2016) and takes a part of the original size from anywhere in the result; flip
// mirrors every other picture, left and right.
struct Augmentation {
  int64_t crop = 0;  // the padding; 0: no crop
  bool flip = false;

  bool any() const { return crop > 0 || flip; }
};

// (value - mean) / deviation, a number a channel; a plain vector counts as one channel. Empty: as they are.
struct Normalisation {
  std::vector<double> mean;
  std::vector<double> deviation;
};

// What the options say, checked against the dataset. An Error names the option, where it stood, and what
// fits.
Augmentation augmentation_of(const Options& options, const io::DatasetInfo& info);
// `normalise = dataset` is to be replaced by numbers before.
Normalisation normalisation_of(const Options& options, const io::DatasetInfo& info);

// What a sentence about scores ends with: nothing where pictures are scored as they are.
std::string views_text(bool both_views);

// The options with the numbers that `normalise = dataset` stands for: each channel's mean and standard
// deviation (of the population) over the training split, in double, the same bits anywhere. Reads the whole
// split, once. Fails where a channel's deviation is 0.
Options with_statistics(Options options, const Dataset& dataset);

}  // namespace lockstep::data
