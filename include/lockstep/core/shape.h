// The shape of one sample's activation: channels x height x width; a plain vector has height = width = 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

struct Shape {
  int64_t channels = 0;
  int64_t height = 1;
  int64_t width = 1;

  // From {D} or {C, H, W}; other lengths are an Error.
  static Shape from_dims(const std::vector<int64_t>& dims);

  int64_t size() const { return channels * height * width; }
  std::string to_string() const;  // "20x24x24", "784"
  bool operator==(const Shape&) const = default;
};

// Of an array, such as a parameter: "20x1x5x5"; "1" where it has no dimensions.
std::string dims_text(const std::vector<int64_t>& dims);

}  // namespace lockstep
