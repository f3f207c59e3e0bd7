// The samples of a split, or patches of its pictures, as rows of values, block by block.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lockstep/analysis/patches.h"
#include "lockstep/data/dataset.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::analysis {

// `count` stored numbers from `first` on, as values: raw x scale + offset.
void copy_values(const io::DatasetInfo& info, const unsigned char* stored, int64_t first, int64_t count,
                 float* values);

class SampleSource {
 public:
  // What some rows are made of. Thread safe; does not outlive its source.
  class Block {
   public:
    // Rows [first, first + count) of the source, which lie in this block, one after the other.
    void copy(int64_t first, int64_t count, float* rows) const;
    // The stored samples; of whole samples, each row's in order, with label and target.
    const data::Samples& samples() const { return samples_; }

   private:
    friend class SampleSource;
    const SampleSource* source_ = nullptr;
    int64_t first_picture_ = 0;
    std::vector<int64_t> positions_;  // of picture first_picture_ + i in samples_; those not needed have -1
    data::Samples samples_;
  };

  // Keeps references to split and info. Without places: whole samples.
  SampleSource(const data::Split& split, const io::DatasetInfo& info,
               std::optional<PatchPlaces> places = std::nullopt);

  int64_t count() const { return places_ ? places_->count() : split_.rows(); }
  int64_t width() const;
  const std::optional<PatchPlaces>& places() const { return places_; }

  // Reads what rows [first, first + count) are made of. Not thread safe.
  Block fetch(int64_t first, int64_t count) const;
  // Those rows, copied by this rank's threads.
  void read(parallel::Workers& workers, int64_t first, int64_t count, float* rows) const;

 private:
  PatchPlace place(int64_t row) const { return places_ ? (*places_)[row] : PatchPlace{row, 0, 0}; }

  const data::Split& split_;
  const io::DatasetInfo& info_;
  Shape shape_;
  std::optional<PatchPlaces> places_;
};

}  // namespace lockstep::analysis
