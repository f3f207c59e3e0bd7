// Features of pictures from what was learned on their patches (Coates, Lee, Ng 2011, section 3.2): the
// patches at all places of a picture, prepared as those that were learned from, are encoded, the codes are
// summed over the picture's four quadrants, and each sum is brought to mean 0 and deviation 1 over the
// training pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lockstep/analysis/patch_code.h"
#include "lockstep/analysis/preparation.h"
#include "lockstep/analysis/share.h"
#include "lockstep/core/shape.h"
#include "lockstep/data/dataset.h"

namespace lockstep::analysis {

class DenseFeatures {
 public:
  // For pictures of this format. `preparation`: what the patches went through, and `prepared` the file that
  // prepare_dataset() made of them, whose whitening is taken.
  DenseFeatures(const io::DatasetInfo& pictures, const PreparationOptions& preparation,
                const std::string& prepared, PatchCode code);

  int64_t size() const { return 4 * code_.features; }
  // The sums of some pictures of values (raw x scale + offset), [channels, height, width] each: [features, 2,
  // 2] each, the quadrants in rows. An odd number of places is cut behind its middle. Thread safe.
  void operator()(int64_t count, const float* pictures, float* sums) const;

 private:
  struct Scratch;
  void prepare_columns(int64_t first, int64_t columns, Scratch& scratch) const;

  Shape picture_;
  int64_t patch_size_;
  int64_t across_;   // places of a patch in a row
  int64_t columns_;  // all of them, rounded up to whole vectors
  int64_t block_;    // columns that are encoded at once
  std::vector<int> part_;
  std::optional<float> contrast_;
  std::optional<Whitening> whitening_;
  PatchCode code_;
};

// (value - mean) / sqrt(variance + 0.01), a number a value: the constant keeps features that hardly vary
// small.
struct Standardisation {
  std::vector<double> mean;
  std::vector<double> deviation;
};
// Of rows of values; each sum in the order of the rows. Not collective.
Standardisation standardisation_of(std::span<const float> rows, int64_t width);
void standardise(const Standardisation& by, std::span<float> rows);

// Collective. Writes the features of all pictures to a dataset [features, 2, 2] with their labels; the
// standardisation is kept beside it, in /standardisation/mean and /deviation. Rank 0 holds all features of
// the training pictures at once.
void write_features(const Team& team, const data::Dataset& pictures, const DenseFeatures& features,
                    const std::string& made_by, const std::string& output);

}  // namespace lockstep::analysis
