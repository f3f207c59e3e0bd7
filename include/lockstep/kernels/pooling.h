// Pooling over square windows, without padding, on activations in the layout of layout.h. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lockstep::kernels {

struct PoolingShape {
  int64_t channels, in_height, in_width;
  int64_t window;  // at most 15 for maxpool
  int64_t stride;
  // What does not fill a window at the bottom and the right is left out, or else pooled in windows clipped to
  // the picture (the "ceil mode" of others). A window starts inside the picture.
  bool clip = false;

  int64_t out_height() const { return windows(in_height); }
  int64_t out_width() const { return windows(in_width); }
  bool fits() const { return std::max(window - in_height, window - in_width) < (clip ? stride : 1); }

 private:
  // At least one along a side that fits().
  int64_t windows(int64_t side) const {
    if (!clip) return (side - window) / stride + 1;
    return std::min((side - window + stride - 1) / stride, (side - 1) / stride) + 1;
  }
};

// The largest of each window; `place` receives, for each output, which of the window's cells inside the
// picture that was (row major; the first of equals).
void maxpool_fprop(const PoolingShape& shape, int64_t columns, const float* in, float* out, uint8_t* place);
void maxpool_bprop(const PoolingShape& shape, int64_t columns, const float* out_delta, const uint8_t* place,
                   bool accumulate, float* in_delta);

// The mean of each window's cells inside the picture.
void avgpool_fprop(const PoolingShape& shape, int64_t columns, const float* in, float* out);
void avgpool_bprop(const PoolingShape& shape, int64_t columns, const float* out_delta, bool accumulate,
                   float* in_delta);

}  // namespace lockstep::kernels
