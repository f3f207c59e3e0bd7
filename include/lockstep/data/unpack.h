// From samples as they are stored to a network's input, normalised and augmented: one pass over the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lockstep/core/options.h"
#include "lockstep/core/shape.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/preprocessing.h"

namespace lockstep::data {

struct Cut;

class Unpacker {
 public:
  // Fails where `augment` or `normalise` do not fit the dataset.
  Unpacker(const Options& options, const io::DatasetInfo& info);

  // Samples [first, first + count) of `samples` as [features x columns]; columns beyond them become zero. In
  // training, `epoch` is given, and samples are augmented: each as (seed, epoch, its index in the split) say,
  // whatever minibatch or thread it is on. Thread safe, and without memory of its own.
  void unpack(const Samples& samples, int64_t first, int64_t count, std::optional<int64_t> epoch,
              int64_t columns, float* out) const;

 private:
  template <class Value>
  void unpack_as(const Samples& samples, int64_t first, int64_t count, bool augmented, int64_t epoch,
                 int64_t columns, float* out) const;
  Cut cut(int64_t index, int64_t epoch) const;

  io::Type type_;
  Shape shape_;  // {1, 1, D} of a plain vector
  uint64_t seed_;
  Augmentation augmentation_;
  std::vector<float> scale_;   // a channel; value = raw * scale + offset, normalisation included
  std::vector<float> offset_;  // likewise
};

// Pictures [channels x height x width x columns], each mirrored where it is, left and right.
void mirror(const Shape& shape, int64_t columns, float* pictures);

// Targets, which are stored as values, as [features x columns]; columns beyond them become zero.
void unpack_targets(std::span<const float* const> targets, int64_t features, int64_t columns, float* out);

}  // namespace lockstep::data
