// Random crops and mirror images: a part of a picture, cut out of it with vector shuffles.
#pragma once

#include "lockstep/kernels/permute.h"
#include "transpose.h"

namespace lockstep::data {

// Output (y, x) is the picture's (y + down, x + right), or (y + down, width - 1 - x + right) where it is
// mirrored; stored zero outside of it.
struct Cut {
  int64_t down = 0;
  int64_t right = 0;
  bool mirrored = false;
};

constexpr int64_t kPart = 1024;  // values of a picture that are cut at once

// Rows [y, y + rows) of a plane, and of these the places [x, x + width).
struct Part {
  int64_t y, rows;
  int64_t x, width;
};

// kWide stored numbers, and as many indices of the same width to shuffle them by.
template <class Value, int kWide>
struct Wide {
  using Index = typename Sixteen<Value>::Index;
  typedef Value Values __attribute__((vector_size(kWide * sizeof(Value))));  // g++ 12 takes no `using` here
  typedef Index Indices __attribute__((vector_size(kWide * sizeof(Value))));
};

// Which of a row's values become those of a block: load kWide from `begin`, shuffle, keep what is inside.
// The load stays inside the row, so that nothing beyond a sample is ever touched.
template <class Value, int kWide>
struct Window {
  int64_t begin;
  typename Wide<Value, kWide>::Indices from;
  typename Wide<Value, kWide>::Indices inside;
};

template <class Value, int kWide>
Window<Value, kWide> window(int64_t block, int64_t width, const Cut& cut) {
  using Index = typename Wide<Value, kWide>::Index;
  const int64_t first =
      (cut.mirrored ? width - kWide - block : block) + cut.right;  // lowest place in the row
  Window<Value, kWide> result;
  result.begin = std::clamp<int64_t>(first, 0, std::max<int64_t>(width - kWide, 0));
  const int64_t shift = std::clamp<int64_t>(first - result.begin, -kWide, kWide);
  for (int i = 0; i < kWide; ++i) result.from[i] = static_cast<Index>(cut.mirrored ? kWide - 1 - i : i);
  result.from += static_cast<Index>(shift);
  result.inside = (result.from >= 0) & (result.from < static_cast<Index>(std::min<int64_t>(width, kWide)));
  return result;
}

// One part of one picture's plane, without gaps between the rows of `out`. kNarrow: its rows have fewer than
// kWide values.
template <bool kNarrow, int kWide, class Value>
void cut_part(const Value* plane, const Shape& shape, const Cut& cut, const Part& part, Value* out) {
  using Values = typename Wide<Value, kWide>::Values;
  using Indices = typename Wide<Value, kWide>::Indices;
  const size_t bytes = static_cast<size_t>(kNarrow ? part.width : kWide) * sizeof(Value);
  const int64_t first = std::clamp<int64_t>(-cut.down - part.y, 0, part.rows);
  const int64_t end = std::clamp<int64_t>(shape.height - cut.down - part.y, first, part.rows);
  std::fill(out, out + first * part.width, Value{});
  std::fill(out + end * part.width, out + part.rows * part.width, Value{});
  for (int64_t x = 0; x < part.width; x += kWide) {
    const int64_t block = std::max<int64_t>(std::min(x, part.width - kWide), 0);
    const auto w = window<Value, kWide>(part.x + block, shape.width, cut);
    const Value* from = plane + (part.y + first + cut.down) * shape.width + w.begin;
    Value* to = out + first * part.width + block;
    for (int64_t y = first; y < end; ++y, from += shape.width, to += part.width) {
      Values values{};
      std::memcpy(&values, from, bytes);
      // The part after this one: processors foresee long runs, not short ones.
      __builtin_prefetch(from + part.rows * part.width);
      values = (Values)((Indices)kernels::permute(values, w.from) & w.inside);
      std::memcpy(to, &values, bytes);
    }
  }
}

// One plane of sixteen pictures, each cut its own way, to columns, in parts that stay in the first cache.
template <bool kNarrow, int kWide, class Value>
void unpack_cut_plane(const Value* const* planes, const Shape& shape, const Cut* cuts, const Conversion& to,
                      int64_t columns, float* out) {
  Value cut[kGroup][kPart];
  const Value* rows[kGroup];
  for (int64_t n = 0; n < kGroup; ++n) rows[n] = cut[n];
  Part part{};
  part.width = std::min(shape.width, kPart);
  for (part.y = 0; part.y < shape.height; part.y += part.rows) {
    part.rows = std::min(kPart / part.width, shape.height - part.y);
    for (int64_t x = 0; x < shape.width; x += part.width) {
      part.x = std::min(x, shape.width - part.width);
      for (int64_t n = 0; n < kGroup; ++n) cut_part<kNarrow, kWide>(planes[n], shape, cuts[n], part, cut[n]);
      const int64_t size = part.rows * part.width;
      float* const target = out + (part.y * shape.width + part.x) * columns;
      if (size < kGroup) {
        unpack_plane<true, Value>(rows, size, to, columns, target);
      } else {
        unpack_plane<false, Value>(rows, size, to, columns, target);
      }
    }
  }
}

}  // namespace lockstep::data
