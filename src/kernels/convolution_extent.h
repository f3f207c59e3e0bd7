// Which outputs of a convolution read inside the picture, in one dimension.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lockstep::kernels {

struct Extent {
  int64_t begin, end;
};

// The outputs whose tap `tap` reads inside a picture of some size.
inline Extent outputs_inside(int64_t tap, int64_t stride, int64_t pad, int64_t size, int64_t outputs) {
  const int64_t begin = std::max<int64_t>(0, (pad - tap + stride - 1) / stride);
  const int64_t last = size - 1 + pad - tap;
  const int64_t end = last < 0 ? 0 : std::min(outputs, last / stride + 1);
  return {std::min(begin, end), end};
}

}  // namespace lockstep::kernels
