#include "file_split.h"

#include <algorithm>

#include "memory_split.h"

namespace lockstep::data {

namespace {
// Where the shuffle has no blocks: about what HDF5 reads for a single sample anyway, and few of them.
constexpr int64_t kBlockBytes = int64_t{1} << 20;
constexpr size_t kFewBlocks = 4;

template <class Value>
void append(const std::vector<Value>& from, int64_t row, int64_t width, std::vector<Value>& to) {
  to.insert(to.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
}
}  // namespace

FileSplit::FileSplit(const std::string& path, std::string split, const Shuffle& shuffle)
    : reader_(path),
      split_(std::move(split)),
      rows_(reader_.rows(split_)),
      block_rows_(
          std::clamp<int64_t>(shuffle.block > 0 ? shuffle.block : kBlockBytes / row_bytes(reader_.info()), 1,
                              std::max<int64_t>(rows_, 1))),
      pool_(shuffle.pool),
      most_blocks_(shuffle.pool > 0 ? static_cast<size_t>(2 * shuffle.pool) : kFewBlocks) {}

Samples FileSplit::fetch(std::vector<int64_t> indices) const {
  io::Rows rows;
  rows.count = static_cast<int64_t>(indices.size());
  rows.inputs.reserve(indices.size() * static_cast<size_t>(sample_bytes(reader_.info())));
  for (const int64_t index : indices) {
    const io::Rows& from = block(index / block_rows_);
    const int64_t row = index % block_rows_;
    append(from.inputs, row, sample_bytes(reader_.info()), rows.inputs);
    if (!from.labels.empty()) append(from.labels, row, 1, rows.labels);
    if (!from.targets.empty()) append(from.targets, row, target_size(reader_.info()), rows.targets);
  }
  return samples_of(std::move(rows), std::move(indices), reader_.info());
}

// One block a set is enough: a pool has to last for as many sets as it has blocks for the disk to keep up.
void FileSplit::look_ahead(const std::vector<int64_t>& indices) const {
  const auto missing =
      std::find_if(indices.begin(), indices.end(), [&](int64_t index) { return !has(index / block_rows_); });
  if (missing != indices.end()) block(*missing / block_rows_);
}

const io::Rows& FileSplit::block(int64_t number) const {
  const auto place = places_.find(number);
  if (place != places_.end()) {
    blocks_.splice(blocks_.begin(), blocks_, place->second);
    return blocks_.front().rows;
  }
  const int64_t first = number * block_rows_;
  io::Rows rows = reader_.read(split_, first, std::min(block_rows_, rows_ - first));
  if (blocks_.size() == most_blocks_) {
    places_.erase(blocks_.back().number);
    blocks_.pop_back();
  }
  blocks_.push_front({number, std::move(rows)});
  places_[number] = blocks_.begin();
  return blocks_.front().rows;
}

int64_t FileSplit::most_bytes() const {
  return std::min(static_cast<int64_t>(most_blocks_) * block_rows_, rows_) * row_bytes(reader_.info());
}

}  // namespace lockstep::data
