// Private to src/analysis: the group /preparation of a prepared dataset (datasets/README.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/preparation.h"
#include "lockstep/io/file.h"

namespace lockstep::analysis {

// What turns samples back into what they were made of.
struct Inverse {
  std::vector<int64_t> sample_dims;  // of the samples before whitening
  bool has_contrast = false;
  std::optional<Whitening> whitening;
};

// What is known before any sample is prepared. `dims`: of a sample before whitening; `dataset_digest`: of the
// dataset that is prepared.
void write_preparation(io::File& file, const PreparationOptions& options, const std::vector<int64_t>& dims,
                       const std::string& dataset_digest, const Shape& picture,
                       const std::optional<Whitening>& whitening);
void write_places(io::File& file, const std::string& split, const PatchPlaces& places);
// Contrast of samples one after the other: those of an earlier call come first.
void append_contrast(io::File& file, const std::string& split, const std::vector<float>& mean,
                     const std::vector<float>& deviation);

// Fails where the file has no such group, or one that does not fit together.
Inverse read_inverse(const io::File& file);
// Of samples [first, first + count) of a split.
struct Contrast {
  std::vector<float> mean;
  std::vector<float> deviation;
};
Contrast read_contrast(const io::File& file, const std::string& split, int64_t first, int64_t count);
// Of how many samples of a split the contrast is known.
int64_t contrast_rows(const io::File& file, const std::string& split);

}  // namespace lockstep::analysis
