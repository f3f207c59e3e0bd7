#include "lockstep/analysis/patches.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "lockstep/analysis/interest_points.h"
#include "lockstep/analysis/sample_source.h"
#include "lockstep/core/error.h"
#include "lockstep/core/random.h"
#include "lockstep/kernels/layout.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kPictures = 1024;  // fetched at once

// Up to `count` places around the strongest points of one picture: how many, then y and x of each.
void places_around_points(const std::vector<float>& grey, const Shape& shape, int64_t size, int64_t count,
                          float threshold, std::span<int32_t> found) {
  for (const InterestPoint& point : interest_points(grey.data(), shape.height, shape.width, threshold)) {
    if (found[0] == count) return;
    const auto y = static_cast<int32_t>(std::lround(point.y) - size / 2);
    const auto x = static_cast<int32_t>(std::lround(point.x) - size / 2);
    if (y < 0 || x < 0 || y > shape.height - size || x > shape.width - size) continue;
    bool taken = false;
    for (int32_t i = 0; i < found[0]; ++i)
      taken |= found[static_cast<size_t>(1 + 2 * i)] == y && found[static_cast<size_t>(2 + 2 * i)] == x;
    if (taken) continue;
    found[static_cast<size_t>(1 + 2 * found[0])] = y;
    found[static_cast<size_t>(2 + 2 * found[0])] = x;
    ++found[0];
  }
}

}  // namespace

PatchPlaces PatchPlaces::random(int64_t pictures, const Shape& shape, int64_t size, int64_t count,
                                uint64_t seed) {
  PatchPlaces result;
  result.size_ = size;
  result.count_ = count;
  for (int64_t i = 0; i < count; ++i) {
    RandomStream stream(seed, Purpose::kPatches, static_cast<uint32_t>(i));
    const auto below = [&](int64_t n) { return stream.below(static_cast<uint32_t>(n)); };
    const int64_t picture = below(pictures);
    const auto y = static_cast<int32_t>(below(shape.height - size + 1));
    const auto x = static_cast<int32_t>(below(shape.width - size + 1));
    result.places_.push_back({picture, y, x});
  }
  std::sort(result.places_.begin(), result.places_.end(), [](const PatchPlace& a, const PatchPlace& b) {
    return std::tie(a.picture, a.y, a.x) < std::tie(b.picture, b.y, b.x);
  });
  return result;
}

PatchPlaces PatchPlaces::dense(int64_t pictures, const Shape& shape, int64_t size, int64_t stride) {
  PatchPlaces result;
  result.size_ = size;
  result.stride_ = stride;
  result.rows_ = (shape.height - size) / stride + 1;
  result.columns_ = (shape.width - size) / stride + 1;
  result.count_ = pictures * result.rows_ * result.columns_;
  return result;
}

PatchPlaces PatchPlaces::interest(const Team& team, const data::Split& split, const io::DatasetInfo& info,
                                  int64_t size, int64_t count, double threshold) {
  const Shape shape = Shape::from_dims(info.sample_dims);
  const int64_t most = std::min(count, (shape.height - size + 1) * (shape.width - size + 1));
  const double range = info.type == io::Type::kUint8 ? 255 * std::abs(info.scale) : 1;
  const float limit = static_cast<float>(threshold * range);
  PatchPlaces result;
  result.size_ = size;
  for (int64_t first = 0; first < split.rows(); first += kPictures) {
    const int64_t pictures = std::min(kPictures, split.rows() - first);
    data::Samples samples;
    comm::together(team.group, [&] {
      std::vector<int64_t> indices(static_cast<size_t>(pictures));
      std::iota(indices.begin(), indices.end(), first);
      samples = split.fetch(std::move(indices));
    });
    const auto found =
        share<int32_t>(team, pictures, 2 * most + 1, [&](int64_t i, int, std::span<int32_t> places) {
          std::vector<float> values(static_cast<size_t>(shape.size()));
          picture_values(info, samples.inputs[static_cast<size_t>(i)], values.data());
          places_around_points(grey_of(values.data(), shape), shape, size, most, limit, places);
        });
    for (int64_t i = 0; i < pictures; ++i) {
      const int32_t* places = found.data() + i * (2 * most + 1);
      for (int32_t p = 0; p < places[0]; ++p)
        result.places_.push_back({first + i, places[1 + 2 * p], places[2 + 2 * p]});
    }
  }
  result.count_ = static_cast<int64_t>(result.places_.size());
  return result;
}

PatchPlace PatchPlaces::operator[](int64_t i) const {
  if (stride_ == 0) return places_[static_cast<size_t>(i)];
  const int64_t a_picture = rows_ * columns_;
  const int64_t place = i % a_picture;
  return {i / a_picture, static_cast<int32_t>(place / columns_ * stride_),
          static_cast<int32_t>(place % columns_ * stride_)};
}

Shape picture_shape(const std::string& name, const io::DatasetInfo& info, int64_t patch_size) {
  const Shape shape = Shape::from_dims(info.sample_dims);
  if (info.sample_dims.size() != 3) {
    fail_usage("patches are parts of pictures (samples [C, H, W]); the samples of ", name,
               " are plain vectors of ", shape.to_string(), " values");
  }
  if (patch_size > std::min(shape.height, shape.width)) {
    fail_usage("patches of ", patch_size, "x", patch_size, " do not fit in the pictures of ", name,
               ", which are ", shape.height, "x", shape.width, "; ask for ",
               std::min(shape.height, shape.width), " or less");
  }
  return shape;
}

Rows patches_of(const Team& team, const data::Split& split, const io::DatasetInfo& info,
                const PatchPlaces& places) {
  const SampleSource source(split, info, places);
  Rows rows{source.count(), source.width(), {}};
  // Every rank has, or reads, the whole dataset: copying is no work to share.
  comm::together(team.group, [&] {
    rows.values.resize(static_cast<size_t>(rows.count * rows.width));
    source.read(team.workers, 0, rows.count, rows.values.data());
  });
  return rows;
}

void picture_values(const io::DatasetInfo& info, const unsigned char* stored, float* values) {
  const Shape shape = Shape::from_dims(info.sample_dims);
  copy_values(info, stored, 0, shape.size(), values);
}

void unfold_patches(const float* picture, const Shape& shape, int64_t size, int64_t columns, float* out) {
  const int64_t down = shape.height - size + 1;
  const int64_t across = shape.width - size + 1;
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t y = 0; y < size; ++y) {
      for (int64_t x = 0; x < size; ++x, out += columns) {
        const float* from = picture + (c * shape.height + y) * shape.width + x;
        for (int64_t row = 0; row < down; ++row)
          std::copy_n(from + row * shape.width, across, out + row * across);
        std::fill(out + down * across, out + columns, 0.0f);
      }
    }
  }
}

}  // namespace lockstep::analysis
