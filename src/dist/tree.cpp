#include "lockstep/dist/tree.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace lockstep::dist {

namespace {

constexpr int64_t kChunk = 2048;  // floats: an intermediate sum stays in the first-level cache

void add(const float* a, const float* b, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = a[i] + b[i];
}

// The value of a node over one chunk: a partial's own memory, or `out` after summing into it.
const float* node_value(Range node, std::span<const Partial<float>> partials, int64_t offset, int64_t count,
                        float* out) {
  if (partials.size() == 1) return partials[0].values + offset;
  const auto [left, right] = halves(node);
  size_t split = 0;
  while (partials[split].leaves.begin < right.begin) ++split;
  std::array<float, kChunk> right_sum;
  const float* a = node_value(left, partials.first(split), offset, count, out);
  const float* b = node_value(right, partials.subspan(split), offset, count, right_sum.data());
  add(a, b, count, out);
  return out;
}

// Where the node of a run that starts at `at` ends.
int64_t node_end(int64_t at, Range run, int64_t leaves) {
  int64_t width = 1;
  // Double while the node stays aligned and inside the run; the tree's own end counts as filled up.
  while (at % (2 * width) == 0 && std::min(at + 2 * width, leaves) <= run.end && at + width < run.end)
    width *= 2;
  return std::min(at + width, leaves);
}

}  // namespace

Halves halves(Range node) {
  // Nodes start at multiples of their width, so the width is the power of two at or above the leaves covered.
  const int64_t width = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(node.size())));
  const int64_t middle = node.begin + width / 2;
  return {{node.begin, middle}, {middle, node.end}};
}

std::vector<Range> nodes_of(Range run, int64_t leaves) {
  std::vector<Range> nodes;
  for (int64_t at = run.begin; at < run.end; at = nodes.back().end) {
    nodes.push_back({at, node_end(at, run, leaves)});
  }
  return nodes;
}

int count_nodes(Range run, int64_t leaves) {
  int count = 0;
  for (int64_t at = run.begin; at < run.end; at = node_end(at, run, leaves)) ++count;
  return count;
}

std::vector<int> merges_of(Range node) {
  if (node.size() == 1) return {0};
  const auto [left, right] = halves(node);
  std::vector<int> merges = merges_of(left);
  const std::vector<int> of_right = merges_of(right);
  merges.insert(merges.end(), of_right.begin(), of_right.end());
  ++merges.back();
  return merges;
}

void sum_node(Range node, std::span<const Partial<float>> partials, int64_t offset, int64_t count,
              float* out) {
  for (int64_t at = 0; at < count; at += kChunk) {
    const int64_t n = std::min(kChunk, count - at);
    const float* value = node_value(node, partials, offset + at, n, out + at);
    if (value != out + at) std::memcpy(out + at, value, static_cast<size_t>(n) * sizeof(float));
  }
}

std::vector<double> sum_leaves(std::span<const double> leaves, int64_t width) {
  std::vector<std::vector<double>> level;
  const int64_t count = static_cast<int64_t>(leaves.size()) / width;
  for (int64_t i = 0; i < count; ++i)
    level.emplace_back(&leaves[static_cast<size_t>(i * width)],
                       &leaves[static_cast<size_t>(i * width)] + width);
  while (level.size() > 1) {
    for (size_t i = 0; i + 1 < level.size(); i += 2) {
      for (int64_t j = 0; j < width; ++j)
        level[i][static_cast<size_t>(j)] += level[i + 1][static_cast<size_t>(j)];
    }
    for (size_t i = 1; 2 * i < level.size(); ++i) level[i] = std::move(level[2 * i]);
    level.resize((level.size() + 1) / 2);
  }
  return level.empty() ? std::vector<double>(static_cast<size_t>(width)) : level[0];
}

}  // namespace lockstep::dist
