#include "lockstep/kernels/pooling.h"

#include <algorithm>
#include <cstring>

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
  // The cell's distance from the window's first, in positions of the picture.
  int64_t position(int64_t cell) const { return cell / width * in_width + cell % width; }
};

// Calls visit(out offset, in offset of the window's first cell, window) for each output of each channel.
template <class Visit>
void for_each_window(const PoolingShape& s, int64_t columns, const Visit& visit) {
  int64_t out = 0;
  for (int64_t c = 0; c < s.channels; ++c) {
    for (int64_t y = 0; y < s.out_height(); ++y) {
      for (int64_t x = 0; x < s.out_width(); ++x, out += columns) {
        const Window window{s.in_width, std::min(s.window, s.in_height - y * s.stride),
                            std::min(s.window, s.in_width - x * s.stride)};
        visit(out, ((c * s.in_height + y * s.stride) * s.in_width + x * s.stride) * columns, window);
      }
    }
  }
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
  for_each_window(s, columns, [&](int64_t to, int64_t from, const Window& window) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      // A vector of samples at a time, so that best and place stay in registers.
      Vector best = load(in + from + n);
      Cells where = {};
      for (int32_t cell = 1; cell < window.cells(); ++cell) {
        const Vector value = load(in + from + n + window.position(cell) * columns);
        // A NaN must come through, or a diverged network would look healthy behind a pooling layer.
        const Cells larger = (value > best) | (value != value);
        best = larger ? value : best;
        where = larger ? cell + Cells{} : where;
      }
      store(best, out + to + n);
      const Places places = __builtin_convertvector(where, Places);
      std::memcpy(place + to + n, &places, sizeof places);
    }
  });
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
      for (int32_t cell = 0; cell < window.cells(); ++cell) {
        float* delta = in_delta + to + n + window.position(cell) * columns;
        const Vector share = where == cell ? incoming : Vector{};
        store(writes ? share : load(delta) + share, delta);
      }
    }
  });
}

void avgpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out) {
  for_each_window(s, columns, [&](int64_t to, int64_t from, const Window& window) {
    const float scale = 1.0f / static_cast<float>(window.cells());
    float* sum = out + to;
    std::fill_n(sum, columns, 0.0f);
    for (int64_t cell = 0; cell < window.cells(); ++cell) {
      const float* value = in + from + window.position(cell) * columns;
      for (int64_t n = 0; n < columns; ++n) sum[n] += value[n];
    }
    for (int64_t n = 0; n < columns; ++n) sum[n] *= scale;
  });
}

void avgpool_bprop(const PoolingShape& s, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta) {
  const bool writes = start_derivative(s, columns, accumulate, in_delta);
  for_each_window(s, columns, [&](int64_t from, int64_t to, const Window& window) {
    const float scale = 1.0f / static_cast<float>(window.cells());
    for (int64_t cell = 0; cell < window.cells(); ++cell) {
      float* delta = in_delta + to + window.position(cell) * columns;
      for (int64_t n = 0; n < columns; n += kLanes) {
        const Vector share = scale * load(out_delta + from + n);
        store(writes ? share : load(delta + n) + share, delta + n);
      }
    }
  });
}

}  // namespace lockstep::kernels
