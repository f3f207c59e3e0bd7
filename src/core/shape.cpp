#include "lockstep/core/shape.h"

#include "lockstep/core/error.h"

namespace lockstep {

Shape Shape::from_dims(const std::vector<int64_t>& dims) {
  if (dims.size() == 1) return {dims[0], 1, 1};
  if (dims.size() == 3) return {dims[0], dims[1], dims[2]};
  fail("a sample has ", dims.size(), " dimensions; expected 1 (D) or 3 (C, H, W)");
}

std::string Shape::to_string() const {
  if (height == 1 && width == 1) return std::to_string(channels);
  return text(channels, "x", height, "x", width);
}

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string result;
  for (const int64_t d : dims) result += (result.empty() ? "" : "x") + std::to_string(d);
  return result.empty() ? "1" : result;
}

}  // namespace lockstep
