#include "lockstep/data/unpack.h"

#include "cut.h"
#include "lockstep/core/random.h"

namespace lockstep::data {

namespace {

// Pointers to sixteen samples, the last one repeated where there are fewer, and 1 for each that is there.
template <class Value>
struct Group {
  const Value* samples[kGroup];
  float present[kGroup];

  template <class Pointer>
  explicit Group(std::span<const Pointer> all, int64_t first) {
    for (int64_t n = 0; n < kGroup; ++n) {
      const int64_t last = static_cast<int64_t>(all.size()) - 1;
      samples[n] = reinterpret_cast<const Value*>(all[static_cast<size_t>(std::min(first + n, last))]);
      present[n] = first + n <= last ? 1.0f : 0.0f;
    }
  }
  Conversion conversion(float scale, float offset) const {
    Conversion result;
    for (int64_t n = 0; n < kGroup; ++n) {
      result.scale[n] = scale * present[n];
      result.offset[n] = offset * present[n];
    }
    return result;
  }
  // Has the cache fetch the first `values` of all samples at once.
  void prefetch(int64_t values) const {
    constexpr int64_t kLine = 64 / sizeof(Value);
    for (const Value* sample : samples) {
      for (int64_t at = 0; at < values; at += kLine) __builtin_prefetch(sample + at);
    }
  }
  // To the next `values` of each sample.
  void advance(int64_t values) {
    for (const Value*& sample : samples) sample += values;
  }
};

void clear_columns(int64_t features, int64_t columns, int64_t first, float* out) {
  if (first == columns) return;
  for (int64_t f = 0; f < features; ++f) std::fill(out + f * columns + first, out + (f + 1) * columns, 0.0f);
}

template <class Value>
void unpack_whole_plane(const Group<Value>& group, int64_t size, const Conversion& to, int64_t columns,
                        float* out) {
  const auto unpack = size < kGroup ? unpack_plane<true, Value> : unpack_plane<false, Value>;
  unpack(group.samples, size, to, columns, out);
}

}  // namespace

Unpacker::Unpacker(const Options& options, const io::DatasetInfo& info)
    : type_(info.type),
      shape_(Shape::from_dims(info.sample_dims)),
      seed_(options.seed),
      augmentation_(augmentation_of(options, info)) {
  if (info.sample_dims.size() == 1) shape_ = {1, 1, shape_.channels};
  const Normalisation normalisation = normalisation_of(options, info);
  for (size_t c = 0; c < static_cast<size_t>(shape_.channels); ++c) {
    const bool normalised = !normalisation.mean.empty();
    const double mean = normalised ? normalisation.mean[c] : 0;
    const double deviation = normalised ? normalisation.deviation[c] : 1;
    scale_.push_back(static_cast<float>(info.scale / deviation));
    offset_.push_back(static_cast<float>((info.offset - mean) / deviation));
  }
}

Cut Unpacker::cut(int64_t index, int64_t epoch) const {
  const uint32_t places = static_cast<uint32_t>(2 * augmentation_.crop + 1);
  RandomStream random(seed_, Purpose::kAugment, static_cast<uint32_t>(index), static_cast<uint32_t>(epoch));
  // Always drawn in this order, so that no augmentation changes another's numbers.
  Cut cut;
  cut.down = static_cast<int64_t>(random.below(places)) - augmentation_.crop;
  cut.right = static_cast<int64_t>(random.below(places)) - augmentation_.crop;
  cut.mirrored = random.below(2) == 1 && augmentation_.flip;
  return cut;
}

template <class Value>
void Unpacker::unpack_as(const Samples& samples, int64_t first, int64_t count, bool augmented, int64_t epoch,
                         int64_t columns, float* out) const {
  const std::span inputs(samples.inputs.data() + first, static_cast<size_t>(count));
  const int64_t plane = shape_.height * shape_.width;
  for (int64_t at = 0; at < count; at += kGroup) {
    Group<Value> group(inputs, at);
    if (augmented) group.prefetch(std::min(plane, kPart));
    Cut cuts[kGroup];
    for (int64_t n = 0; augmented && n < std::min(kGroup, count - at); ++n)
      cuts[n] = cut(samples.indices[static_cast<size_t>(first + at + n)], epoch);
    for (int64_t c = 0; c < shape_.channels; ++c) {
      const Conversion to = group.conversion(scale_[static_cast<size_t>(c)], offset_[static_cast<size_t>(c)]);
      float* const target = out + c * plane * columns + at;
      if (!augmented) {
        unpack_whole_plane(group, plane, to, columns, target);
      } else if (shape_.width < 16) {
        unpack_cut_plane<true, 16>(group.samples, shape_, cuts, to, columns, target);
      } else if (shape_.width < 32) {
        unpack_cut_plane<false, 16>(group.samples, shape_, cuts, to, columns, target);
      } else {
        unpack_cut_plane<false, 32>(group.samples, shape_, cuts, to, columns, target);
      }
      group.advance(plane);
    }
  }
}

void Unpacker::unpack(const Samples& samples, int64_t first, int64_t count, std::optional<int64_t> epoch,
                      int64_t columns, float* out) const {
  const bool augmented = augmentation_.any() && epoch.has_value();
  if (type_ == io::Type::kUint8) {
    unpack_as<unsigned char>(samples, first, count, augmented, epoch.value_or(0), columns, out);
  } else {
    unpack_as<float>(samples, first, count, augmented, epoch.value_or(0), columns, out);
  }
  clear_columns(shape_.size(), columns, (count + kGroup - 1) / kGroup * kGroup, out);
}

void mirror(const Shape& shape, int64_t columns, float* pictures) {
  for (int64_t row = 0; row < shape.channels * shape.height; ++row) {
    float* left = pictures + row * shape.width * columns;
    float* right = left + (shape.width - 1) * columns;
    for (; left < right; left += columns, right -= columns) std::swap_ranges(left, left + columns, right);
  }
}

void unpack_targets(std::span<const float* const> targets, int64_t features, int64_t columns, float* out) {
  const int64_t count = static_cast<int64_t>(targets.size());
  for (int64_t at = 0; at < count; at += kGroup) {
    const Group<float> group(targets, at);
    unpack_whole_plane(group, features, group.conversion(1, 0), columns, out + at);
  }
  clear_columns(features, columns, (count + kGroup - 1) / kGroup * kGroup, out);
}

}  // namespace lockstep::data
