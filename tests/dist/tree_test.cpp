#include "lockstep/dist/tree.h"

#include <gtest/gtest.h>

#include "naive_tree.h"
#include "support/expect.h"

namespace lockstep::dist {
namespace {

constexpr int64_t kMostLeaves = 40;

// The fewest nodes that cover a run, by descending from the root.
void cover(Range node, Range run, std::vector<Range>& nodes) {
  if (node.begin >= run.end || node.end <= run.begin) return;
  if (node.begin >= run.begin && node.end <= run.end) {
    nodes.push_back(node);
    return;
  }
  const int64_t middle = middle_of(node);
  cover({node.begin, middle}, run, nodes);
  cover({middle, node.end}, run, nodes);
}

TEST(Tree, NodesOfARunAreTheFewestThatCoverIt) {
  for (int64_t leaves = 1; leaves <= kMostLeaves; ++leaves) {
    for (int64_t begin = 0; begin <= leaves; ++begin) {
      for (int64_t end = begin; end <= leaves; ++end) {
        std::vector<Range> expected;
        cover({0, leaves}, {begin, end}, expected);
        EXPECT_EQ(nodes_of({begin, end}, leaves), expected) << begin << " to " << end << " of " << leaves;
      }
    }
  }
}

TEST(Tree, HalvesAreNodesOfTheTree) {
  for (int64_t leaves = 1; leaves <= kMostLeaves; ++leaves) {
    for (int64_t begin = 0; begin < leaves; ++begin) {
      for (int64_t end = begin + 2; end <= leaves; ++end) {
        if (!is_node({begin, end}, leaves)) continue;
        const auto [left, right] = halves({begin, end});
        EXPECT_EQ(left.begin, begin);
        EXPECT_EQ(left.end, right.begin);
        EXPECT_EQ(right.end, end);
        EXPECT_EQ(left.end, middle_of({begin, end}));
        EXPECT_TRUE(is_node(left, leaves) && is_node(right, leaves));
      }
    }
  }
}

// Every way in which whole nodes cover a node.
std::vector<std::vector<Range>> splits(Range node) {
  std::vector<std::vector<Range>> all = {{node}};
  if (node.size() == 1) return all;
  const int64_t middle = middle_of(node);
  for (const auto& left : splits({node.begin, middle})) {
    for (const auto& right : splits({middle, node.end})) {
      all.push_back(left);
      all.back().insert(all.back().end(), right.begin(), right.end());
    }
  }
  return all;
}

std::vector<float> value_of(Range node, int64_t count) {
  return naive_sum<float>(node, [count](int64_t leaf) { return leaf_values(leaf, count); });
}

// The sum of a node from these parts, each in memory that starts `offset` floats before the values.
std::vector<float> sum_of_parts(Range node, const std::vector<Range>& parts, int64_t offset, int64_t count,
                                bool in_place) {
  std::vector<std::vector<float>> memory;
  std::vector<Partial<float>> partials;
  for (const Range part : parts) {
    std::vector<float> values(static_cast<size_t>(offset), -1.0f);
    const std::vector<float> value = value_of(part, count);
    values.insert(values.end(), value.begin(), value.end());
    memory.push_back(std::move(values));
  }
  for (size_t i = 0; i < parts.size(); ++i) partials.push_back({parts[i], memory[i].data()});
  std::vector<float> sum(static_cast<size_t>(count));
  float* out = in_place ? memory[0].data() + offset : sum.data();
  sum_node(node, partials, offset, count, out);
  return {out, out + count};
}

TEST(Tree, ASumHasTheSameBitsWhateverItsParts) {
  for (int64_t leaves = 1; leaves <= 11; ++leaves) {
    const Range root{0, leaves};
    const std::vector<float> expected = value_of(root, 9);
    for (const auto& parts : splits(root)) {
      EXPECT_TRUE(test::same_bits(sum_of_parts(root, parts, 0, 9, false), expected));
      EXPECT_TRUE(test::same_bits(sum_of_parts(root, parts, 5, 9, true), expected));
    }
  }
}

TEST(Tree, ANodeInTheMiddleIsSummedTheSameWay) {
  for (const Range node : {Range{8, 16}, Range{4, 8}, Range{16, 21}}) {  // of a tree with 21 leaves
    const std::vector<float> expected = value_of(node, 5);
    for (const auto& parts : splits(node)) {
      EXPECT_TRUE(test::same_bits(sum_of_parts(node, parts, 3, 5, false), expected));
    }
  }
}

TEST(Tree, LongArraysAreSummedWhole) {
  for (const int64_t count : {2047, 2048, 2049, 5000}) {
    const std::vector<Range> parts = {{0, 1}, {1, 2}, {2, 4}, {4, 5}};
    EXPECT_TRUE(test::same_bits(sum_of_parts({0, 5}, parts, 7, count, true), value_of({0, 5}, count)));
  }
}

TEST(Tree, AnotherOrderHasOtherBits) {
  // Or the tests above would show nothing.
  std::vector<float> in_a_row(9);
  for (int64_t leaf = 0; leaf < 11; ++leaf) {
    const std::vector<float> values = leaf_values(leaf, 9);
    for (size_t i = 0; i < values.size(); ++i) in_a_row[i] += values[i];
  }
  EXPECT_FALSE(test::same_bits(in_a_row, value_of({0, 11}, 9)));
}

TEST(SumLeaves, IsTheSumAlongTheTree) {
  for (int64_t leaves = 1; leaves <= kMostLeaves; ++leaves) {
    for (const int64_t width : {1, 2, 3}) {
      const auto leaf = [width](int64_t l) {
        const std::vector<float> values = leaf_values(l, width);
        std::vector<double> exact(values.begin(), values.end());
        for (double& value : exact) value /= 3;  // so that sums in double precision round too
        return exact;
      };
      std::vector<double> all;
      for (int64_t l = 0; l < leaves; ++l) {
        for (const double value : leaf(l)) all.push_back(value);
      }
      EXPECT_TRUE(test::same_bits(sum_leaves(all, width), naive_sum<double>({0, leaves}, leaf))) << leaves;
    }
  }
}

TEST(SumLeaves, OfNoLeavesIsZero) { EXPECT_EQ(sum_leaves({}, 3), std::vector<double>(3)); }

}  // namespace
}  // namespace lockstep::dist
