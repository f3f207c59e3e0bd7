// The energies of whole splits, with what they say of their classes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/energy.h"
#include "lockstep/analysis/forward.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/unpack.h"

namespace lockstep::analysis {

struct SplitEnergies {
  std::string split;
  std::vector<double> energies;  // one a sample
  std::vector<int32_t> labels;   // empty where there are none
};

// Collective, all of these; the same on every rank. Samples are those that the network sees, and are read
// block by block.

// Fails, naming the sample, where an energy is no finite number: with a sigmoid output, where the sample has
// values outside of [0, 1].
SplitEnergies sample_energies(const Team& team, const Energy& energy, const data::NamedSplit& split,
                              const data::Unpacker& unpacker);
// How far line integrals depend on their path, from the split's first samples.
PathDependence path_dependence(const Team& team, const Energy& energy, const data::Split& split,
                               const data::Unpacker& unpacker);
std::vector<int32_t> labels_of(const Team& team, const data::Split& split);
// Of the samples of a split.
Point mean_sample(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width);

struct EnergyGroup {
  int32_t label = -1;  // -1: all samples
  int64_t count = 0;
  double mean = 0;
  double deviation = 0;  // standard, of these samples
  double lowest = 0;
  double highest = 0;
};

// Of all samples, then of each class that has any.
std::vector<EnergyGroup> groups_of(const SplitEnergies& energies);

// What a file of energies says of itself.
struct EnergyRecord {
  std::string checkpoint_digest;
  std::string dataset;
  std::string dataset_digest;
  std::optional<PathDependence> path;  // of line integrals
};

// Not collective. HDF5: /SPLIT/energy (float64) and /SPLIT/labels (int32), one a sample; attributes of "/" as
// datasets/README.md has them, and /start where line integrals began.
void write_energies(const std::string& path, const Energy& energy, const std::vector<SplitEnergies>& splits,
                    const EnergyRecord& record);

}  // namespace lockstep::analysis
