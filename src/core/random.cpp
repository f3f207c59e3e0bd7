#include "lockstep/core/random.h"

#include <Random123/philox.h>

#include <cmath>

namespace lockstep {

RandomStream::RandomStream(uint64_t seed, Purpose purpose, uint32_t item, uint32_t time, uint32_t stream)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, item, time, static_cast<uint32_t>(purpose) | (stream << 8)} {}

std::array<uint32_t, 4> RandomStream::block(uint32_t position) const {
  const r123::Philox4x32::ctr_type counter = {{position, counter_[1], counter_[2], counter_[3]}};
  const r123::Philox4x32::key_type key = {{key_[0], key_[1]}};
  const auto result = r123::Philox4x32{}(counter, key);
  return {result[0], result[1], result[2], result[3]};
}

uint32_t RandomStream::word() {
  if (used_ == 4) {
    words_ = block(counter_[0]++);
    used_ = 0;
  }
  return words_[static_cast<size_t>(used_++)];
}

float RandomStream::uniform() { return static_cast<float>(word() >> 8) * 0x1p-24f; }

float RandomStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double u = (static_cast<double>(word()) + 0.5) * 0x1p-32;
  const double v = static_cast<double>(word()) * 0x1p-32 * 2 * 3.14159265358979323846;
  const double radius = std::sqrt(-2 * std::log(u));
  spare_normal_ = static_cast<float>(radius * std::sin(v));
  has_spare_ = true;
  return static_cast<float>(radius * std::cos(v));
}

uint32_t RandomStream::below(uint32_t n) {
  return static_cast<uint32_t>((static_cast<uint64_t>(word()) * n) >> 32);
}

}  // namespace lockstep
