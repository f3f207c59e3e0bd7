// Pooling over square windows, without padding, on activations in the layout of layout.h. One thread.
#pragma once

#include <cstdint>

namespace lockstep::kernels {

struct PoolingShape {
  int64_t channels, in_height, in_width;
  int64_t window;  // 1 to 15
  int64_t stride;

  int64_t out_height() const { return (in_height - window) / stride + 1; }
  int64_t out_width() const { return (in_width - window) / stride + 1; }
};

// The largest of each window; `place` receives, for each output, which of the window's cells that was (row
// major; the first of equals).
void maxpool_fprop(const PoolingShape& shape, int64_t columns, const float* in, float* out, uint8_t* place);
void maxpool_bprop(const PoolingShape& shape, int64_t columns, const float* out_delta, const uint8_t* place,
                   bool accumulate, float* in_delta);

// The mean of each window.
void avgpool_fprop(const PoolingShape& shape, int64_t columns, const float* in, float* out);
void avgpool_bprop(const PoolingShape& shape, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta);

}  // namespace lockstep::kernels
