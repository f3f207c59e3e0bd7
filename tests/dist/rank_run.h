// A rank's part of a step on several threads, and the sums that are to come of it: what the tests of the tree
// and of the queue share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <vector>

#include "lockstep/dist/gradient_tree.h"
#include "naive_tree.h"

namespace lockstep::dist {

// Runs `work` on so many threads. Whether all ended by themselves in good time; otherwise `cancel` ends them.
inline bool end_in_time(int threads, const std::function<void()>& work, const std::function<void()>& cancel) {
  std::vector<std::future<void>> all;
  for (int t = 0; t < threads; ++t) all.push_back(std::async(std::launch::async, work));
  bool in_time = true;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (auto& one : all) {
    if (one.wait_until(deadline) == std::future_status::ready) continue;
    in_time = false;
    cancel();
  }
  return in_time;
}

// The values of the nodes that cover a rank's run, one after the other, as a tree has them.
inline std::vector<float> sums_of(const GradientTree& tree, const Plan& plan, int rank) {
  std::vector<float> result;
  const std::vector<Partial<float>> partials = tree.partials();
  std::span<const Partial<float>> rest = partials;
  for (const Range node : nodes_of(plan.of_rank(rank), plan.microbatches())) {
    size_t count = 0;
    while (count < rest.size() && rest[count].leaves.end <= node.end) ++count;
    std::vector<float> sum(static_cast<size_t>(tree.parameters()));
    sum_node(node, rest.first(count), 0, tree.parameters(), sum.data());
    result.insert(result.end(), sum.begin(), sum.end());
    rest = rest.subspan(count);
  }
  EXPECT_TRUE(rest.empty());
  return result;
}

// The same of leaf_values(), from the definition.
inline std::vector<float> expected_sums(int64_t parameters, const Plan& plan, int rank) {
  std::vector<float> result;
  for (const Range node : nodes_of(plan.of_rank(rank), plan.microbatches())) {
    const auto sum = naive_sum<float>(node, [&](int64_t leaf) { return leaf_values(leaf, parameters); });
    result.insert(result.end(), sum.begin(), sum.end());
  }
  return result;
}

}  // namespace lockstep::dist
