// The squares of pictures that Winograd's tiles read and write, in and out of their transforms.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lockstep/kernels/vector.h"
#include "winograd_transforms.h"

namespace lockstep::kernels {

// A stack of pictures of one size.
struct Pictures {
  int64_t channels, height, width, columns;
  int64_t plane() const { return height * width * columns; }
};

// What stands at y, x and beyond; zeros outside of the picture.
template <int Size>
class Square {
 public:
  Square(const Pictures& p, int64_t y, int64_t x)
      : down_(p.width * p.columns),
        across_(p.columns),
        origin_(y * down_ + x * across_),
        y_begin_(static_cast<int>(std::max<int64_t>(-y, 0))),
        y_end_(static_cast<int>(std::min<int64_t>(p.height - y, Size))),
        x_begin_(static_cast<int>(std::max<int64_t>(-x, 0))),
        x_end_(static_cast<int>(std::min<int64_t>(p.width - x, Size))),
        whole_(y_begin_ == 0 && y_end_ == Size && x_begin_ == 0 && x_end_ == Size) {}

  // Has a later channel's square fetched from memory. Its rows lie too far apart for the processor to foresee
  // them; waiting for each takes a third of the time where pictures leave the caches.
  // Inlined by force: g++ 12 takes a function that only prefetches for one that does nothing, and never calls
  // it.
  [[gnu::always_inline]] void prefetch(const Pictures& p, const float* data, int64_t channel,
                                       int64_t column) const {
    constexpr int64_t kAhead = 2;
    if (channel + kAhead >= p.channels) return;
    const float* from = data + (channel + kAhead) * p.plane() + column + origin_;
    for (int i = y_begin_; i < y_end_; ++i) {
      for (int j = x_begin_; j < x_end_; ++j) __builtin_prefetch(from + i * down_ + j * across_);
    }
  }

  // put(place, value) takes the transformed values of a vector of samples.
  template <int Out, class Transform, class Put>
  [[gnu::always_inline]] void transform(const float* plane, const Transform& transform,
                                        const Put& put) const {
    const float* from = plane + origin_;
    if (whole_) {
      const auto get = [&](int i, Vector(&row)[Size]) {
        for (int j = 0; j < Size; ++j) row[j] = load(from + i * down_ + j * across_);
      };
      return in_two_dimensions<Vector, Size, Out>(get, transform, put);
    }
    const auto get = [&](int i, Vector(&row)[Size]) {
      const bool inside = i >= y_begin_ && i < y_end_;
      for (int j = 0; j < Size; ++j) {
        const bool there = inside && j >= x_begin_ && j < x_end_;
        row[j] = there ? load(from + i * down_ + j * across_) : Vector{};
      }
    };
    in_two_dimensions<Vector, Size, Out>(get, transform, put);
  }

  // The square (+)= the transformed values plus `start`, as far as it is inside.
  template <class Transform, class Get>
  [[gnu::always_inline]] void put(const Vector& start, bool accumulate, float* plane,
                                  const Transform& transform, const Get& get) const {
    float* to = plane + origin_;
    const auto put = [&](int place, const Vector& value) {
      const int i = place / Size;
      const int j = place % Size;
      if (!whole_ && (i >= y_end_ || j >= x_end_)) return;
      float* at = to + i * down_ + j * across_;
      store(value + start + (accumulate ? load(at) : Vector{}), at);
    };
    in_two_dimensions<Vector, kWinogradPatch, Size>(get, transform, put);
  }

 private:
  int64_t down_;    // floats from row to row
  int64_t across_;  // and from cell to cell
  int64_t origin_;
  int y_begin_, y_end_;
  int x_begin_, x_end_;
  bool whole_;
};

}  // namespace lockstep::kernels
