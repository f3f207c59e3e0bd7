// What the codes of many samples have in common: how many units are active, how many patterns of activity
// there are, and how far the units depend on each other.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/forward.h"
#include "lockstep/analysis/share.h"
#include "lockstep/nn/network.h"

namespace lockstep::analysis {

// When a unit counts as active: where its value is above `above`, that of its activation at s = 0 (a
// sigmoid's is 1/2); with `magnitude`, where the value without its sign is: outside of soft-threshold's flat
// part.
struct Activity {
  float above = 0;
  bool magnitude = false;
};

// Of what a node of a network gives.
Activity activity_of(const nn::Network& network, int node);

struct CodeStatistics {
  int64_t samples = 0;
  int64_t units = 0;
  double mean = 0;       // of all values
  double active = 0;     // the share of active units
  int64_t silent = 0;    // units that are active in no sample
  int64_t distinct = 0;  // patterns of active units: at most K of K-means, up to 2^units of a factorial code
  // Estimates of the total correlation (multi-information), sum of the units' entropies less the entropy of
  // all (Watanabe 1960), in nats. Of the patterns as they were counted: of many patterns that are seen once
  // it comes out too high. And as if the code were Gaussian, -1/2 log det of the correlation matrix: infinite
  // where units follow from others, as always with a single winner; units that do not vary are left out. None
  // of more than kMostCorrelated units.
  double pattern_correlation = 0;
  std::optional<double> gaussian_correlation;
};

constexpr int64_t kMostCorrelated = 2048;

// Collective. Of `count` codes, which `read` writes as rows, one after the other: it is called on every rank,
// block by block in order. Apart from blocks, memory is for 32 bytes or so a distinct pattern, and the
// correlations.
using ReadCodes = std::function<void(int64_t first, int64_t count, float* rows)>;
CodeStatistics code_statistics(const Team& team, int64_t count, int64_t units, const Activity& activity,
                               const ReadCodes& read);
CodeStatistics code_statistics(const Team& team, const Rows& codes, const Activity& activity);

}  // namespace lockstep::analysis
