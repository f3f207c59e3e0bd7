#include "lockstep/analysis/sample_source.h"

#include <algorithm>

namespace lockstep::analysis {

namespace {

constexpr int64_t kRows = 256;    // copied by one thread at once
constexpr int64_t kBlock = 8192;  // fetched at once

template <class Value>
void copy_as(const unsigned char* stored, int64_t first, int64_t count, float scale, float offset,
             float* values) {
  const Value* from = reinterpret_cast<const Value*>(stored) + first;
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(from[i]) * scale + offset;
}

}  // namespace

void copy_values(const io::DatasetInfo& info, const unsigned char* stored, int64_t first, int64_t count,
                 float* values) {
  const float scale = static_cast<float>(info.scale);
  const float offset = static_cast<float>(info.offset);
  if (info.type == io::Type::kUint8) {
    copy_as<unsigned char>(stored, first, count, scale, offset, values);
  } else {
    copy_as<float>(stored, first, count, scale, offset, values);
  }
}

void SampleSource::Block::copy(int64_t first, int64_t count, float* rows) const {
  const SampleSource& source = *source_;
  const Shape& shape = source.shape_;
  for (int64_t row = first; row < first + count; ++row) {
    const PatchPlace place = source.place(row);
    const int64_t position = positions_[static_cast<size_t>(place.picture - first_picture_)];
    const unsigned char* stored = samples_.inputs[static_cast<size_t>(position)];
    if (!source.places_) {
      copy_values(source.info_, stored, 0, shape.size(), rows);
      rows += shape.size();
      continue;
    }
    const int64_t size = source.places_->size();
    for (int64_t c = 0; c < shape.channels; ++c) {
      for (int64_t y = 0; y < size; ++y, rows += size) {
        copy_values(source.info_, stored, (c * shape.height + place.y + y) * shape.width + place.x, size,
                    rows);
      }
    }
  }
}

SampleSource::SampleSource(const data::Split& split, const io::DatasetInfo& info,
                           std::optional<PatchPlaces> places)
    : split_(split), info_(info), shape_(Shape::from_dims(info.sample_dims)), places_(std::move(places)) {}

int64_t SampleSource::width() const {
  return places_ ? shape_.channels * places_->size() * places_->size() : shape_.size();
}

SampleSource::Block SampleSource::fetch(int64_t first, int64_t count) const {
  Block block;
  block.source_ = this;
  if (count == 0) return block;
  block.first_picture_ = place(first).picture;
  std::vector<int64_t> pictures;  // each once: rows are in the order of pictures
  for (int64_t row = first; row < first + count; ++row) {
    const int64_t picture = place(row).picture;
    if (!pictures.empty() && pictures.back() == picture) continue;
    block.positions_.resize(static_cast<size_t>(picture - block.first_picture_ + 1), -1);
    block.positions_.back() = static_cast<int64_t>(pictures.size());
    pictures.push_back(picture);
  }
  block.samples_ = split_.fetch(std::move(pictures));
  return block;
}

void SampleSource::read(parallel::Workers& workers, int64_t first, int64_t count, float* rows) const {
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t n = std::min(kBlock, count - begin);
    const Block block = fetch(first + begin, n);
    workers.for_each((n + kRows - 1) / kRows, [&](int64_t group, int) {
      const int64_t at = begin + group * kRows;
      block.copy(first + at, std::min(kRows, begin + n - at), rows + at * width());
    });
  }
}

}  // namespace lockstep::analysis
