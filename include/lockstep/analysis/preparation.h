// A dataset prepared for learning features: patches, contrast normalisation, whitening, in this order, each
// if asked for. What was done is kept beside the samples, in the group /preparation (datasets/README.md), so
// that it can be inverted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/contrast.h"
#include "lockstep/analysis/patches.h"
#include "lockstep/analysis/whitening.h"
#include "lockstep/core/options.h"
#include "lockstep/data/dataset.h"

namespace lockstep::analysis {

struct PreparationOptions {
  std::optional<PatchOptions> patches;
  std::optional<double> contrast;  // the constant, for stored numbers: 10 for bytes
  std::optional<WhiteningOptions> whitening;
  uint64_t seed = 1;  // of random patches

  bool any() const { return patches || contrast || whitening; }
  // "patches random 8 count=1000; contrast 10; whiten zca epsilon=0.1"
  std::string to_string() const;
};

// "random 8 count=1000", "dense 8 stride=4" or "interest 8 count=50 threshold=0.03". Usage errors name the
// origin, what was found and what fits.
PatchOptions patch_options(const std::string& line, const std::string& origin);
// "zca" or "pca", with epsilon=, components= or retain=.
WhiteningOptions whitening_options(const std::string& line, const std::string& origin);

// Collective. Writes every split of the dataset, prepared, with the statistics of the training split, to a
// dataset of float32. Labels and targets stay where samples are not patches. Random patches: the options'
// count of the training split, of others as many a picture, rounded up.
void prepare_dataset(const Team& team, const data::Dataset& dataset, const PreparationOptions& options,
                     const std::string& output);

// Collective. The way back, from the dataset's samples to values of the original (to patches of it, where
// there were patches), by what `preparation` holds, a file that prepare_dataset() wrote: the dataset's own,
// or that of which it is a reconstruction.
void invert_dataset(const Team& team, const data::Dataset& dataset, const std::string& preparation,
                    const std::string& output);

}  // namespace lockstep::analysis
