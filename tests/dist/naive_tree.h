// The tree straight from its definition, for the tests to compare with.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "lockstep/dist/tree.h"
#include "support/values.h"

namespace lockstep::dist {

// A node of level L covers the leaves [i 2^L, (i+1) 2^L), cut off at the last.
inline bool is_node(Range range, int64_t leaves) {
  for (int64_t width = 1; width < 2 * leaves; width *= 2) {
    if (range.begin % width == 0 && range.end == std::min(range.begin + width, leaves)) return true;
  }
  return false;
}

// The level below a node of two leaves or more: the widest cut at a power of two.
inline int64_t middle_of(Range node) {
  int64_t width = 1;
  while (2 * width < node.size()) width *= 2;
  return node.begin + width;
}

// A node's value: the sum of its two halves.
template <class Number>
std::vector<Number> naive_sum(Range node, const std::function<std::vector<Number>(int64_t leaf)>& leaf) {
  if (node.size() == 1) return leaf(node.begin);
  const int64_t middle = middle_of(node);
  std::vector<Number> sum = naive_sum<Number>({node.begin, middle}, leaf);
  const std::vector<Number> right = naive_sum<Number>({middle, node.end}, leaf);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
  return sum;
}

// Leaf gradients on which any other order of summation shows.
inline std::vector<float> leaf_values(int64_t leaf, int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(test::uneven_value(static_cast<uint32_t>(leaf), static_cast<uint32_t>(i)));
  }
  return values;
}

}  // namespace lockstep::dist
