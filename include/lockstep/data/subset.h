// Some samples of a split, as a split of their own.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

// Keeps a reference to the split.
class Subset : public Split {
 public:
  Subset(const Split& split, std::vector<int64_t> indices) : split_(split), indices_(std::move(indices)) {}

  int64_t rows() const override { return static_cast<int64_t>(indices_.size()); }
  Samples fetch(std::vector<int64_t> indices) const override {
    std::vector<int64_t> places;
    for (const int64_t index : indices) places.push_back(indices_[static_cast<size_t>(index)]);
    Samples samples = split_.fetch(std::move(places));
    samples.indices = std::move(indices);
    return samples;
  }

 private:
  const Split& split_;
  std::vector<int64_t> indices_;
};

}  // namespace lockstep::data
