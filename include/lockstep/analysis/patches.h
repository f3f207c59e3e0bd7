// Patches: square parts of a split's pictures as samples [channels, size, size] of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/analysis/forward.h"
#include "lockstep/analysis/share.h"
#include "lockstep/core/shape.h"
#include "lockstep/data/dataset.h"

namespace lockstep::analysis {

enum class PatchKind { kRandom, kDense, kInterest };

struct PatchOptions {
  PatchKind kind = PatchKind::kRandom;
  int64_t size = 0;
  int64_t count = 0;        // random: in all; interest: at most, of a picture
  int64_t stride = 1;       // dense
  double threshold = 0.03;  // interest: see interest_points.h; for a range of values of 0 to 1
};

// The upper left corner of a patch.
struct PatchPlace {
  int64_t picture;
  int32_t y;
  int32_t x;
};

// Where the patches of a split lie, by ascending picture; cheap for dense ones, of which there may be many.
class PatchPlaces {
 public:
  // `count` anywhere, each as (seed, its number) say, then sorted by picture, row, column.
  static PatchPlaces random(int64_t pictures, const Shape& shape, int64_t size, int64_t count, uint64_t seed);
  // All at multiples of `stride`, row by row.
  static PatchPlaces dense(int64_t pictures, const Shape& shape, int64_t size, int64_t stride);
  // Collective. Around the strongest interest points whose patch lies inside the picture (the point is in row
  // and column size / 2 of it), at most `count` a picture, by descending strength within it.
  static PatchPlaces interest(const Team& team, const data::Split& split, const io::DatasetInfo& info,
                              int64_t size, int64_t count, double threshold);

  int64_t size() const { return size_; }
  int64_t count() const { return count_; }
  PatchPlace operator[](int64_t i) const;

 private:
  int64_t size_ = 0;
  int64_t count_ = 0;
  int64_t stride_ = 0;  // dense: places follow from the index
  int64_t rows_ = 0;    // dense: patches above each other in a picture
  int64_t columns_ = 0;
  std::vector<PatchPlace> places_;
};

// Fails (usage) where samples are no pictures, or smaller than the patch. `name` is the dataset's.
Shape picture_shape(const std::string& name, const io::DatasetInfo& info, int64_t patch_size);

// Collective. Values (raw x scale + offset) of all patches at these places, one a row: [channels, size,
// size].
Rows patches_of(const Team& team, const data::Split& split, const io::DatasetInfo& info,
                const PatchPlaces& places);

// One picture's values, from its stored numbers.
void picture_values(const io::DatasetInfo& info, const unsigned char* stored, float* values);

// All patches at stride 1 of one picture of values, in columns: [channels x size x size, columns], column
// y (width - size + 1) + x being the patch at (y, x); columns beyond them are 0. columns is
// kernels::columns_for((height - size + 1) (width - size + 1)). Thread safe.
void unfold_patches(const float* picture, const Shape& shape, int64_t size, int64_t columns, float* out);

}  // namespace lockstep::analysis
