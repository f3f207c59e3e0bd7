// Numbers for tests: always the same, from the stream that is kept for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "lockstep/core/random.h"

namespace lockstep::test {

inline std::vector<float> random_values(int64_t count, uint32_t item, float low = -1, float high = 1) {
  RandomStream stream(1, Purpose::kTest, item);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = stream.uniform(low, high);
  return values;
}

// Values of a permutation of 0, 1, ..., scaled to `distance` between neighbours and centred: no two are near.
inline std::vector<float> distant_values(int64_t count, uint32_t item, float distance) {
  std::vector<float> values(static_cast<size_t>(count));
  RandomStream stream(1, Purpose::kTest, item);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t j = stream.below(static_cast<uint32_t>(i + 1));
    values[i] = values[j];
    values[j] = (static_cast<float>(i) - 0.5f * static_cast<float>(count)) * distance;
  }
  return values;
}

// Numbers of very different sizes, so that a sum in another order has other bits.
inline float uneven_value(uint32_t item, uint32_t place) {
  RandomStream stream(2, Purpose::kTest, item, place);
  const float size = static_cast<float>(1 << stream.below(16));
  return size * stream.uniform(-1, 1);
}

}  // namespace lockstep::test
