#include "memory_split.h"

namespace lockstep::data {

namespace {

constexpr int64_t kNumber = 4;  // bytes of a label or a target's value

// Inputs lie behind the numbers, which have to be aligned.
struct Places {
  Places(int64_t rows, const io::DatasetInfo& info)
      : targets(info.classes > 0 ? rows * kNumber : 0),
        inputs(targets + rows * target_size(info) * kNumber),
        end(inputs + rows * sample_bytes(info)) {}

  int64_t targets;
  int64_t inputs;
  int64_t end;
};

}  // namespace

MemorySplit::MemorySplit(comm::Group& host, int64_t rows, const io::DatasetInfo& info)
    : info_(info),
      shared_(host, Places(rows, info).end, "the dataset (--in-memory no reads it from its file instead)") {
  const Places places(rows, info);
  std::byte* data = shared_.data();
  memory_.count = rows;
  memory_.inputs = reinterpret_cast<unsigned char*>(data + places.inputs);
  if (info.classes > 0) memory_.labels = reinterpret_cast<int32_t*>(data);
  if (!info.target_dims.empty()) memory_.targets = reinterpret_cast<float*>(data + places.targets);
}

Samples MemorySplit::fetch(std::vector<int64_t> indices) const {
  Samples samples;
  for (const int64_t index : indices) {
    samples.inputs.push_back(memory_.inputs + index * sample_bytes(info_));
    if (memory_.labels != nullptr) samples.labels.push_back(memory_.labels[index]);
    if (memory_.targets != nullptr) samples.targets.push_back(memory_.targets + index * target_size(info_));
  }
  samples.indices = std::move(indices);
  return samples;
}

}  // namespace lockstep::data
