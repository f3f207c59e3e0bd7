// The fixed binary tree along which everything is summed.
//
// Its leaves are the microbatches 0..M-1 of a step. A node of level L covers the leaves [i 2^L, (i+1) 2^L),
// cut off at M; its value is the sum of its two halves, or its left half where the right one has no leaves.
// The tree depends on M alone, so a sum along it has the same bits however the leaves are spread over threads
// and ranks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lockstep/dist/plan.h"

namespace lockstep::dist {

// The value of one node, which covers these leaves, for each of many parallel sums.
template <class Number>
struct Partial {
  Range leaves;
  Number* values;
};

// The largest whole nodes that cover a run of leaves of a tree with `leaves` leaves, from left to right.
std::vector<Range> nodes_of(Range run, int64_t leaves);
int count_nodes(Range run, int64_t leaves);
constexpr size_t kMostNodes = 128;  // of any run: two of each width

// The two halves of the node that covers `node` in a tree with `leaves` leaves; the second is never empty,
// so `node` must cover two leaves or more.
struct Halves {
  Range left;
  Range right;
};
Halves halves(Range node);

// The tree below a node in postfix notation: after each of its leaves, how many times the two topmost sums on
// a stack are added.
std::vector<int> merges_of(Range node);

// Sums `count` numbers along the tree for one node. `partials` cover the node's leaves exactly, from left to
// right, and each is a node. `offset` is added to every partial's pointer. The result is written to `out`,
// which may be the first partial's own memory.
void sum_node(Range node, std::span<const Partial<float>> partials, int64_t offset, int64_t count,
              float* out);

// The sum of leaves that hold `width` numbers each, one leaf after the other, in double precision.
std::vector<double> sum_leaves(std::span<const double> leaves, int64_t width);

}  // namespace lockstep::dist
