// Random crops and mirror images: a part of a picture, cut out of it with vector shuffles.
#pragma once

#include "transpose.h"

namespace lockstep::data {

// Output (y, x) is the picture's (y + down, x + right), or (y + down, width - 1 - x + right) where it is
// mirrored; stored zero outside of it.
struct Cut {
  int64_t down = 0;
  int64_t right = 0;
  bool mirrored = false;
};

// Rows [y, y + rows) of a plane, and of these the places [x, x + width).
struct Part {
  int64_t y, rows;
  int64_t x, width;
};

// Which of a row's values become those of a block: load sixteen from `begin`, shuffle, keep what is inside.
// The load stays inside the row, so that nothing beyond a sample is ever touched.
template <class Value>
struct Window {
  int64_t begin;
  Indices<Value> from;
  Indices<Value> inside;
};

template <class Value>
Window<Value> window(int64_t block, int64_t width, const Cut& cut) {
  using Index = typename Sixteen<Value>::Index;
  constexpr Indices<Value> kForward = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const int64_t first =
      (cut.mirrored ? width - kLanes - block : block) + cut.right;  // lowest place in the row
  const int64_t begin = block_begin(std::max<int64_t>(first, 0), width);
  const Index shift = static_cast<Index>(std::clamp<int64_t>(first - begin, -kLanes, kLanes));
  const Indices<Value> from = (cut.mirrored ? 15 - kForward : kForward) + shift;
  return {begin, from, (from >= 0) & (from < static_cast<Index>(std::min(width, kLanes)))};
}

// One part of one picture's plane, without gaps between the rows of `out`.
template <bool kNarrow, class Value>
void cut_part(const Value* plane, const Shape& shape, const Cut& cut, const Part& part, Value* out) {
  const int64_t count = std::min(part.width, kLanes);
  const size_t bytes = static_cast<size_t>(kNarrow ? count : kLanes) * sizeof(Value);
  for (int64_t x = 0; x < part.width; x += kLanes) {
    const int64_t block = block_begin(x, part.width);
    const Window<Value> w = window<Value>(part.x + block, shape.width, cut);
    for (int64_t y = 0; y < part.rows; ++y) {
      const int64_t row = part.y + y + cut.down;
      Values<Value> values{};
      if (row >= 0 && row < shape.height) {
        const auto loaded = load_values<kNarrow>(plane + row * shape.width + w.begin, count);
        values = (Values<Value>)((Indices<Value>)__builtin_shuffle(loaded, w.from) & w.inside);
      }
      std::memcpy(out + y * part.width + block, &values, bytes);
    }
  }
}

// Has the cache fetch a part of sixteen planes, all at once: processors foresee long runs, not short ones.
template <class Value>
void prefetch_part(const Value* const* planes, const Shape& shape, const Part& part) {
  constexpr int64_t kLine = 64 / sizeof(Value);
  const int64_t begin = part.y * shape.width + part.x;
  for (int64_t n = 0; n < kLanes; ++n) {
    for (int64_t at = 0; at < part.rows * part.width; at += kLine) __builtin_prefetch(planes[n] + begin + at);
  }
}

// One plane of sixteen pictures, each cut its own way, to columns, in parts that stay in the first cache.
template <bool kNarrow, class Value>
void unpack_cut_plane(const Value* const* planes, const Shape& shape, const Cut* cuts, const Conversion& to,
                      int64_t columns, float* out) {
  constexpr int64_t kPart = 1024;
  Value cut[kLanes][kPart];
  const Value* rows[kLanes];
  for (int64_t n = 0; n < kLanes; ++n) rows[n] = cut[n];
  Part part{};
  part.width = std::min(shape.width, kPart);
  for (part.y = 0; part.y < shape.height; part.y += part.rows) {
    part.rows = std::min(kPart / part.width, shape.height - part.y);
    for (int64_t x = 0; x < shape.width; x += part.width) {
      part.x = std::min(x, shape.width - part.width);
      prefetch_part(planes, shape, part);
      for (int64_t n = 0; n < kLanes; ++n) cut_part<kNarrow>(planes[n], shape, cuts[n], part, cut[n]);
      const int64_t size = part.rows * part.width;
      float* const target = out + (part.y * shape.width + part.x) * columns;
      if (size < kLanes) {
        unpack_plane<true, Value>(rows, size, to, columns, target);
      } else {
        unpack_plane<false, Value>(rows, size, to, columns, target);
      }
    }
  }
}

}  // namespace lockstep::data
