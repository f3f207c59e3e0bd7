#include "lockstep/kernels/pooling.h"

#include <algorithm>

namespace lockstep::kernels {

namespace {

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
    float* best = out + to;
    uint8_t* where = place + to;
    std::copy_n(in + from, columns, best);
    std::fill_n(where, columns, uint8_t{0});
    for (int64_t cell = 1; cell < s.window * s.window; ++cell) {
      const float* value = in + from + (cell / s.window * s.in_width + cell % s.window) * columns;
      for (int64_t n = 0; n < columns; ++n) {
        // A NaN must come through, or a diverged network would look healthy behind a pooling layer.
        const bool larger = value[n] > best[n] || value[n] != value[n];
        best[n] = larger ? value[n] : best[n];
        where[n] = larger ? static_cast<uint8_t>(cell) : where[n];
      }
    }
  });
}

void maxpool_bprop(const PoolingShape& s, int64_t columns, const float* out_delta, const uint8_t* place,
                   bool accumulate, float* in_delta) {
  clear_unless(accumulate, s, columns, in_delta);
  for_each_window(s, columns, [&](int64_t from, int64_t to) {
    for (int64_t cell = 0; cell < s.window * s.window; ++cell) {
      float* delta = in_delta + to + (cell / s.window * s.in_width + cell % s.window) * columns;
      for (int64_t n = 0; n < columns; ++n) {
        delta[n] += place[from + n] == static_cast<uint8_t>(cell) ? out_delta[from + n] : 0.0f;
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
