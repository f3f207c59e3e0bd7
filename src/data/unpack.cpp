#include <algorithm>
#include <cstring>

#include "lockstep/data/dataset.h"

namespace lockstep::data {

namespace {

// Transposes rows (one a sample) into columns, tile by tile so that both sides stay in cache.
template <class Value, class Convert>
void transpose(std::span<const Value* const> rows, int64_t features, int64_t columns, float* out,
               const Convert& convert) {
  constexpr int64_t kTile = 64;
  const int64_t samples = static_cast<int64_t>(rows.size());
  for (int64_t begin = 0; begin < features; begin += kTile) {
    const int64_t end = std::min(begin + kTile, features);
    for (int64_t n = 0; n < samples; ++n) {
      const Value* row = rows[static_cast<size_t>(n)];
      for (int64_t f = begin; f < end; ++f) out[f * columns + n] = convert(row[f]);
    }
    for (int64_t f = begin; f < end; ++f)
      std::fill(out + f * columns + samples, out + (f + 1) * columns, 0.0f);
  }
}

int64_t product(const std::vector<int64_t>& dims) {
  int64_t size = 1;
  for (const int64_t d : dims) size *= d;
  return size;
}

}  // namespace

void unpack_inputs(const io::DatasetInfo& info, std::span<const unsigned char* const> inputs, int64_t columns,
                   float* out) {
  const float scale = static_cast<float>(info.scale);
  const float offset = static_cast<float>(info.offset);
  const int64_t features = product(info.sample_dims);
  if (info.type == io::Type::kUint8) {
    transpose(inputs, features, columns, out,
              [&](unsigned char raw) { return static_cast<float>(raw) * scale + offset; });
    return;
  }
  std::vector<const float*> rows;
  for (const unsigned char* input : inputs) rows.push_back(reinterpret_cast<const float*>(input));
  transpose(std::span<const float* const>(rows), features, columns, out,
            [&](float raw) { return raw * scale + offset; });
}

void unpack_targets(std::span<const float* const> targets, int64_t features, int64_t columns, float* out) {
  transpose(targets, features, columns, out, [](float value) { return value; });
}

}  // namespace lockstep::data
