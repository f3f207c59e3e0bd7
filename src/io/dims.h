// Private to src/io: shapes as lists of dimensions.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace lockstep::io {

inline std::string dims_text(const std::vector<int64_t>& dims) {  // "[60000, 1, 28, 28]"
  std::string result = "[";
  for (const int64_t dim : dims) result += (result.size() > 1 ? ", " : "") + std::to_string(dim);
  return result + "]";
}

// The largest number there is where the product is larger: dimensions come from files.
inline int64_t product(const std::vector<int64_t>& dims) {
  int64_t result = 1;
  for (const int64_t dim : dims) {
    if (__builtin_mul_overflow(result, dim, &result)) return std::numeric_limits<int64_t>::max();
  }
  return result;
}

}  // namespace lockstep::io
