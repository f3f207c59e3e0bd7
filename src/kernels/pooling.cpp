#include "lockstep/kernels/pooling.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

using Cells = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
using Places = uint8_t __attribute__((vector_size(kLanes)));

// Of a window: its cells inside the picture.
struct Window {
  int64_t in_width;
  int64_t height, width;
  int64_t cells() const { return height * width; }
};

// Calls visit(cell, position) for each cell of a window, in order, with the cell's distance from the window's
// first in positions of the picture. The usual sizes are unrolled.
template <class Height, class Width, class Visit>
void for_each_cell(Height height, Width width, int64_t in_width, const Visit& visit) {
  int32_t cell = 0;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) visit(cell++, y * in_width + x);
  }
}
template <class Visit>
void for_each_cell(const Window& w, const Visit& visit) {
  using Two = std::integral_constant<int64_t, 2>;
  using Three = std::integral_constant<int64_t, 3>;
  if (w.height == 2 && w.width == 2) return for_each_cell(Two(), Two(), w.in_width, visit);
  if (w.height == 3 && w.width == 3) return for_each_cell(Three(), Three(), w.in_width, visit);
  for_each_cell(w.height, w.width, w.in_width, visit);
}

// Calls visit(out offset, in offset of the window's first cell, window) for each output of a channel.
template <class Visit>
void for_each_window(const PoolingShape& s, int64_t channel, int64_t columns, const Visit& visit) {
  // The compiler cannot know that nothing written changes the shape, and would divide again for each output.
  const int64_t height = s.out_height();
  const int64_t width = s.out_width();
  int64_t out = channel * height * width * columns;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x, out += columns) {
      const Window window{s.in_width, std::min(s.window, s.in_height - y * s.stride),
                          std::min(s.window, s.in_width - x * s.stride)};
      visit(out, ((channel * s.in_height + y * s.stride) * s.in_width + x * s.stride) * columns, window);
    }
  }
}

template <class Visit>
void for_each_window(const PoolingShape& s, int64_t columns, const Visit& visit) {
  for (int64_t c = 0; c < s.channels; ++c) for_each_window(s, c, columns, visit);
}

// The largest value of each window, its cell in `place`, and the sum of all values less itself: zero if all
// are finite. A vector of samples at a time, so that value and cell stay in registers.
template <class IsLarger>
Vector maxpool_channel(const PoolingShape& s, int64_t channel, int64_t columns, const float* in, float* out,
                       uint8_t* place, const IsLarger& is_larger) {
  Vector nothing = {};
  for_each_window(s, channel, columns, [&](int64_t to, int64_t from, const Window& window) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      Vector best = load(in + from + n);
      Cells where = {};
      Vector sum = {};
      for_each_cell(window, [&](int32_t cell, int64_t position) {
        const Vector value = load(in + from + n + position * columns);
        const Cells larger = is_larger(value, best);
        best = larger ? value : best;
        where = larger ? cell + Cells{} : where;
        sum += value;
      });
      nothing += sum - sum;
      store(best, out + to + n);
      const Places places = __builtin_convertvector(where, Places);
      std::memcpy(place + to + n, &places, sizeof places);
    }
  });
  return nothing;
}

// Makes in_delta ready for the derivatives of its windows. Returns whether they are to be written: where
// windows do not overlap, they need not be added up, and only what no window covers is cleared.
bool start_derivative(const PoolingShape& s, int64_t columns, bool accumulate, float* in_delta) {
  if (accumulate) return false;
  const bool disjoint = s.stride == s.window;
  const bool covered = s.clip || (s.in_height % s.window == 0 && s.in_width % s.window == 0);
  if (!disjoint || !covered) std::fill_n(in_delta, s.channels * s.in_height * s.in_width * columns, 0.0f);
  return disjoint;
}

}  // namespace

void maxpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out, uint8_t* place) {
  const auto larger = [](const Vector& a, const Vector& b) { return a > b; };
  // A NaN must come through, or a diverged network would look healthy behind a pooling layer. Asking each
  // value takes as long as all the rest, so it is done where there is one.
  const auto larger_or_nan = [](const Vector& a, const Vector& b) { return (a > b) | (a != a); };
  for (int64_t c = 0; c < s.channels; ++c) {
    const Vector nothing = maxpool_channel(s, c, columns, in, out, place, larger);
    if (sum_lanes(nothing) != 0) maxpool_channel(s, c, columns, in, out, place, larger_or_nan);
  }
}

void maxpool_bprop(const PoolingShape& s, int64_t columns, const float* out_delta, const uint8_t* place,
                   bool accumulate, float* in_delta) {
  const bool writes = start_derivative(s, columns, accumulate, in_delta);
  for_each_window(s, columns, [&](int64_t from, int64_t to, const Window& window) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      Places places;
      std::memcpy(&places, place + from + n, sizeof places);
      const Cells where = __builtin_convertvector(places, Cells);
      const Vector incoming = load(out_delta + from + n);
      for_each_cell(window, [&](int32_t cell, int64_t position) {
        float* delta = in_delta + to + n + position * columns;
        const Vector share = where == cell ? incoming : Vector{};
        store(writes ? share : load(delta) + share, delta);
      });
    }
  });
}

void avgpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out) {
  for_each_window(s, columns, [&](int64_t to, int64_t from, const Window& window) {
    const float scale = 1.0f / static_cast<float>(window.cells());
    for (int64_t n = 0; n < columns; n += kLanes) {
      Vector sum = {};
      for_each_cell(window,
                    [&](int32_t, int64_t position) { sum += load(in + from + n + position * columns); });
      store(scale * sum, out + to + n);
    }
  });
}

void avgpool_bprop(const PoolingShape& s, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta) {
  const bool writes = start_derivative(s, columns, accumulate, in_delta);
  for_each_window(s, columns, [&](int64_t from, int64_t to, const Window& window) {
    const float scale = 1.0f / static_cast<float>(window.cells());
    for_each_cell(window, [&](int32_t, int64_t position) {
      float* delta = in_delta + to + position * columns;
      for (int64_t n = 0; n < columns; n += kLanes) {
        const Vector share = scale * load(out_delta + from + n);
        store(writes ? share : load(delta + n) + share, delta + n);
      }
    });
  });
}

}  // namespace lockstep::kernels
