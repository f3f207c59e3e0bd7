#include "row_map.h"

#include <algorithm>
#include <cstring>

namespace lockstep::analysis {

namespace {

constexpr int64_t kRows = 128;    // mapped by one thread at once
constexpr int64_t kBlock = 4096;  // fetched, and taken, at once

// A group's values, then its means, then its deviations.
struct Group {
  const float* values;
  const float* mean;
  const float* deviation;
};

Group group_at(const float* all, int64_t i, int64_t width) {
  const float* values = all + i * kRows * (width + 2);
  return {values, values + kRows * width, values + kRows * (width + 1)};
}

MappedRows joined(const std::vector<float>& all, int64_t first, int64_t count, int64_t width) {
  MappedRows mapped;
  mapped.first = first;
  mapped.values.reserve(static_cast<size_t>(count * width));
  for (int64_t i = 0; i * kRows < count; ++i) {
    const int64_t n = std::min(kRows, count - i * kRows);
    const Group group = group_at(all.data(), i, width);
    mapped.values.insert(mapped.values.end(), group.values, group.values + n * width);
    mapped.mean.insert(mapped.mean.end(), group.mean, group.mean + n);
    mapped.deviation.insert(mapped.deviation.end(), group.deviation, group.deviation + n);
  }
  return mapped;
}

}  // namespace

void map_rows(const Team& team, const SampleSource& source, int64_t width, const MapRows& map,
              const TakeRows& take) {
  for (int64_t first = 0; first < source.count(); first += kBlock) {
    const int64_t count = std::min(kBlock, source.count() - first);
    SampleSource::Block block;
    comm::together(team.group, [&] { block = source.fetch(first, count); });
    const auto all = share<float>(team, (count + kRows - 1) / kRows, kRows * (width + 2),
                                  [&](int64_t i, int, std::span<float> out) {
                                    const int64_t n = std::min(kRows, count - i * kRows);
                                    std::vector<float> rows(static_cast<size_t>(n * source.width()));
                                    block.copy(first + i * kRows, n, rows.data());
                                    float* mean = out.data() + kRows * width;
                                    map(first + i * kRows, n, rows.data(), out.data(), mean, mean + kRows);
                                  });
    comm::together(team.group, [&] {
      if (team.group.rank() == 0) take(block, joined(all, first, count, width));
    });
  }
}

io::Rows file_rows(const SampleSource::Block& block, const MappedRows& mapped, const io::DatasetInfo& info) {
  io::Rows rows;
  rows.count = static_cast<int64_t>(mapped.mean.size());
  rows.inputs.resize(mapped.values.size() * sizeof(float));
  std::memcpy(rows.inputs.data(), mapped.values.data(), rows.inputs.size());
  if (info.classes > 0) rows.labels = block.samples().labels;
  if (info.target_dims.empty()) return rows;
  const int64_t width = Shape::from_dims(info.target_dims).size();
  for (const float* target : block.samples().targets)
    rows.targets.insert(rows.targets.end(), target, target + width);
  return rows;
}

}  // namespace lockstep::analysis
