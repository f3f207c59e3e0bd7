#include "lockstep/kernels/pooling.h"

#include <algorithm>
#include <cstring>

#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

using Cells = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
using Places = uint8_t __attribute__((vector_size(kLanes)));

// Calls visit(out offset, in offset of the window's first cell) for each output of each channel.
template <class Visit>
void for_each_window(const PoolingShape& s, int64_t columns, const Visit& visit) {
  int64_t out = 0;
  for (int64_t c = 0; c < s.channels; ++c) {
    for (int64_t y = 0; y < s.out_height(); ++y) {
      for (int64_t x = 0; x < s.out_width(); ++x, out += columns) {
        visit(out, ((c * s.in_height + y * s.stride) * s.in_width + x * s.stride) * columns);
      }
    }
  }
}

void clear_unless(bool accumulate, const PoolingShape& s, int64_t columns, float* in_delta) {
  if (!accumulate) std::fill_n(in_delta, s.channels * s.in_height * s.in_width * columns, 0.0f);
}

}  // namespace

void maxpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out, uint8_t* place) {
  for_each_window(s, columns, [&](int64_t to, int64_t from) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      // A vector of samples at a time, so that best and place stay in registers.
      Vector best = load(in + from + n);
      Cells where = {};
      for (int32_t cell = 1; cell < s.window * s.window; ++cell) {
        const Vector value = load(in + from + n + (cell / s.window * s.in_width + cell % s.window) * columns);
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
  // Windows that do not overlap are written, not added to; what no window covers is cleared.
  const bool writes = !accumulate && s.stride == s.window;
  const bool covers = s.out_height() * s.window == s.in_height && s.out_width() * s.window == s.in_width;
  clear_unless(accumulate || (writes && covers), s, columns, in_delta);
  for_each_window(s, columns, [&](int64_t from, int64_t to) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      Places places;
      std::memcpy(&places, place + from + n, sizeof places);
      const Cells where = __builtin_convertvector(places, Cells);
      const Vector incoming = load(out_delta + from + n);
      for (int32_t cell = 0; cell < s.window * s.window; ++cell) {
        float* delta = in_delta + to + n + (cell / s.window * s.in_width + cell % s.window) * columns;
        const Vector share = where == cell ? incoming : Vector{};
        store(writes ? share : load(delta) + share, delta);
      }
    }
  });
}

void avgpool_fprop(const PoolingShape& s, int64_t columns, const float* in, float* out) {
  const float scale = 1.0f / static_cast<float>(s.window * s.window);
  for_each_window(s, columns, [&](int64_t to, int64_t from) {
    float* sum = out + to;
    std::fill_n(sum, columns, 0.0f);
    for (int64_t cell = 0; cell < s.window * s.window; ++cell) {
      const float* value = in + from + (cell / s.window * s.in_width + cell % s.window) * columns;
      for (int64_t n = 0; n < columns; ++n) sum[n] += value[n];
    }
    for (int64_t n = 0; n < columns; ++n) sum[n] *= scale;
  });
}

void avgpool_bprop(const PoolingShape& s, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta) {
  const float scale = 1.0f / static_cast<float>(s.window * s.window);
  clear_unless(accumulate, s, columns, in_delta);
  for_each_window(s, columns, [&](int64_t from, int64_t to) {
    for (int64_t cell = 0; cell < s.window * s.window; ++cell) {
      float* delta = in_delta + to + (cell / s.window * s.in_width + cell % s.window) * columns;
      for (int64_t n = 0; n < columns; ++n) delta[n] += scale * out_delta[from + n];
    }
  });
}

}  // namespace lockstep::kernels
