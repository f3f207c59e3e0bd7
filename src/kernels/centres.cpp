#include "lockstep/kernels/centres.h"

#include <cstddef>

#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

void centre_offsets(int64_t count, int64_t width, const float* centres, float* offsets) {
  for (int64_t k = 0; k < count; ++k) {
    const float* centre = centres + k * width;
    Vector lanes{};
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) {
      const Vector values = load(centre + i);
      lanes += values * values;
    }
    float squares = sum_lanes(lanes);
    for (; i < width; ++i) squares += centre[i] * centre[i];
    offsets[k] = -0.5f * squares;
  }
}

Winners winners(int64_t rows, const float* in, int64_t stride) {
  Winners best{};
  for (size_t l = 0; l < kLanes; ++l) best.value[l] = in[l];
  for (int64_t r = 1; r < rows; ++r) {
    const float* row = in + r * stride;
    for (size_t l = 0; l < kLanes; ++l) {
      const bool larger = row[l] > best.value[l];
      best.row[l] = larger ? static_cast<int32_t>(r) : best.row[l];
      best.value[l] = larger ? row[l] : best.value[l];
    }
  }
  return best;
}

}  // namespace lockstep::kernels
