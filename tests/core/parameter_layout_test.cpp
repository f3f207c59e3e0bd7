#include "lockstep/core/parameter_layout.h"

#include <gtest/gtest.h>

#include <set>

namespace lockstep {
namespace {

ParameterLayout two_parameters() {
  ParameterLayout layout;
  layout.add("conv1", "weights", {5, 3, 2, 2});
  layout.add("conv1", "bias", {257});
  return layout;
}

TEST(ParameterLayout, EachParameterStartsABlockOfItsOwn) {
  ParameterLayout layout;
  EXPECT_EQ(layout.floats(), 0);
  EXPECT_EQ(layout.add("a", "weights", {5, 3, 2, 2}), 0);  // 60
  EXPECT_EQ(layout.add("a", "bias", {kBlock}), 1);
  EXPECT_EQ(layout.add("b", "weights", {kBlock + 1}), 2);
  EXPECT_EQ(layout.add("b", "bias", {1}), 3);
  const auto& p = layout.parameters();
  EXPECT_EQ(p[0].offset, 0);
  EXPECT_EQ(p[1].offset, kBlock);
  EXPECT_EQ(p[2].offset, 2 * kBlock);
  EXPECT_EQ(p[3].offset, 4 * kBlock);
  EXPECT_EQ(layout.floats(), 5 * kBlock);
}

TEST(ParameterLayout, CutsARangeIntoThePartsOfItsParameters) {
  ParameterLayout layout;
  layout.add("a", "weights", {3 * kBlock - 5});
  layout.add("a", "running-mean", {7}, 0.5f);
  layout.add("b", "weights", {kBlock});
  struct Part {
    std::string name;
    int64_t begin, end;
    bool operator==(const Part&) const = default;
  };
  const auto parts = [&](int64_t begin, int64_t end) {
    std::vector<Part> found;
    layout.for_each_part(begin * kBlock, end * kBlock, [&](const ParameterInfo& p, int64_t b, int64_t e) {
      EXPECT_EQ(p.keep.has_value(), p.name == "running-mean");
      found.push_back({p.layer + "/" + p.name, b / kBlock, e / kBlock});
    });
    return found;
  };
  EXPECT_EQ(parts(0, 5),
            (std::vector<Part>{{"a/weights", 0, 3}, {"a/running-mean", 3, 4}, {"b/weights", 4, 5}}));
  EXPECT_EQ(parts(1, 2), (std::vector<Part>{{"a/weights", 1, 2}}));
  EXPECT_EQ(parts(2, 4), (std::vector<Part>{{"a/weights", 2, 3}, {"a/running-mean", 3, 4}}));
  EXPECT_EQ(parts(4, 5), (std::vector<Part>{{"b/weights", 4, 5}}));
  EXPECT_TRUE(parts(5, 5).empty());
}

TEST(ParameterLayout, CountsTheNumbersWithoutThePadding) {
  const ParameterLayout layout = two_parameters();
  EXPECT_EQ(layout.parameters()[0].size, 60);
  EXPECT_EQ(layout.parameters()[1].size, 257);
  EXPECT_EQ(layout.count(), 317);
}

TEST(ParameterLayout, TheDigestIsOfTheValuesAndNotOfThePadding) {
  const ParameterLayout layout = two_parameters();
  std::vector<float> arena(static_cast<size_t>(layout.floats()), 0.5f);
  const std::string before = layout.digest(arena.data());
  arena[60] = 9;  // behind the weights
  EXPECT_EQ(layout.digest(arena.data()), before);
  arena[59] = 9;
  EXPECT_NE(layout.digest(arena.data()), before);
}

TEST(ParameterLayout, TheDigestIsOfNamesAndShapesToo) {
  const std::vector<float> arena(kBlock, 1.0f);
  const auto digest = [&](const char* layer, const char* name, std::vector<int64_t> dims) {
    ParameterLayout layout;
    layout.add(layer, name, std::move(dims));
    return layout.digest(arena.data());
  };
  const std::set<std::string> different = {digest("a", "weights", {2, 3}), digest("b", "weights", {2, 3}),
                                           digest("a", "bias", {2, 3}), digest("a", "weights", {3, 2})};
  EXPECT_EQ(different.size(), 4u);
}

}  // namespace
}  // namespace lockstep
