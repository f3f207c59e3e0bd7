#include "ordered_reducer.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace lockstep::dist {

namespace {

constexpr int kGradientTag = 1;
constexpr int kParameterTag = 2;
constexpr int64_t kSumAtOnce = 8 * kBlock;  // floats: summed and consumed while in the first-level cache
constexpr int64_t kMostUnderWay = 4;        // buckets whose receive buffers are in memory at once
constexpr int64_t kPiece = 16 * kBlock;     // floats: what a thread takes at a time

}  // namespace

void for_each_piece(parallel::Workers& workers, Range range, const std::function<void(Range)>& task) {
  const int64_t pieces = (range.size() + kPiece - 1) / kPiece;
  workers.for_each(pieces, [&](int64_t piece, int) {
    const Timed timed(workers.timeline(), Activity::kReduce);
    const int64_t begin = range.begin + piece * kPiece;
    task({begin, std::min(begin + kPiece, range.end)});
  });
}

OrderedReducer::OrderedReducer(comm::Group& group, parallel::Workers& workers, int64_t parameters,
                               int64_t bucket_floats)
    : group_(group),
      workers_(workers),
      parameters_(parameters),
      buckets_(cut(parameters, bucket_floats, group.size())),
      received_(kMostUnderWay) {}

std::vector<Range> OrderedReducer::cut(int64_t parameters, int64_t bucket_floats, int ranks) {
  // At least a block for each rank, or some would own nothing of a bucket while others wait for their larger
  // slice.
  const int64_t bucket = std::max(bucket_floats / kBlock, static_cast<int64_t>(ranks)) * kBlock;
  std::vector<Range> buckets;
  for (int64_t at = 0; at < parameters; at += bucket)
    buckets.push_back({at, std::min(at + bucket, parameters)});
  return buckets;
}

Range OrderedReducer::slice_of(Range bucket, int rank, int ranks) {
  const int64_t blocks = bucket.size() / kBlock;
  return {bucket.begin + rank * blocks / ranks * kBlock, bucket.begin + (rank + 1) * blocks / ranks * kBlock};
}

// What a rank receives of the others for its slice of a bucket.
int64_t OrderedReducer::received_floats(const Plan& plan, int rank, Range bucket) {
  const int64_t mine = slice_of(bucket, rank, plan.ranks()).size();
  int64_t floats = 0;
  for (int r = 0; r < plan.ranks(); ++r) {
    if (r == rank) continue;
    floats += mine * static_cast<int64_t>(nodes_of(plan.of_rank(r), plan.microbatches()).size());
  }
  return floats;
}

// As many as keep what is received to half the parameters: ranks whose runs end inside the tree send several
// nodes.
size_t OrderedReducer::under_way(const Plan& plan, int rank, const std::vector<Range>& buckets) {
  const int64_t largest = std::max<int64_t>(received_floats(plan, rank, buckets.front()), 1);
  return static_cast<size_t>(std::clamp<int64_t>(buckets.back().end / 2 / largest, 1, kMostUnderWay));
}

int64_t OrderedReducer::buffer_floats(const Plan& plan, int rank, int64_t parameters, int64_t bucket_floats) {
  std::array<int64_t, kMostUnderWay> received{};
  const std::vector<Range> buckets = cut(parameters, bucket_floats, plan.ranks());
  const size_t slots = under_way(plan, rank, buckets);
  for (size_t b = 0; b < buckets.size(); ++b) {
    int64_t& floats = received[b % slots];
    floats = std::max(floats, received_floats(plan, rank, buckets[b]));
  }
  return std::accumulate(received.begin(), received.end(), int64_t{0});
}

std::vector<OrderedReducer::LocalNode> OrderedReducer::local_nodes(const GradientTree& tree,
                                                                   const Plan& plan) const {
  std::vector<LocalNode> nodes;
  std::span<const Partial<float>> rest = tree.partials();
  for (const Range node : nodes_of(plan.of_rank(group_.rank()), plan.microbatches())) {
    size_t count = 0;
    while (count < rest.size() && rest[count].leaves.end <= node.end) ++count;
    nodes.push_back({node, rest.first(count)});
    rest = rest.subspan(count);
  }
  return nodes;
}

// What other ranks own is summed up to whole nodes before it is sent, into the first partial's memory.
void OrderedReducer::merge_for_others(const std::vector<LocalNode>& nodes, Range bucket) {
  const Range mine = slice(bucket, group_.rank());
  for (const LocalNode& node : nodes) {
    if (node.partials.size() < 2) continue;
    for (const Range others : {Range{bucket.begin, mine.begin}, Range{mine.end, bucket.end}}) {
      for_each_piece(workers_, others, [&](Range piece) {
        sum_node(node.leaves, node.partials, piece.begin, piece.size(),
                 node.partials[0].values + piece.begin);
      });
    }
  }
}

comm::Request OrderedReducer::send_nodes(const std::vector<LocalNode>& nodes, const Plan& plan, size_t bucket,
                                         Buffer& received) {
  std::vector<comm::Send> sends;
  std::vector<comm::Receive> receives;
  const int64_t mine = slice(buckets_[bucket], group_.rank()).size();
  const int64_t floats = received_floats(plan, group_.rank(), buckets_[bucket]);
  if (received.size() < floats) received = Buffer(floats, Pages::kSmall);

  float* into = received.data();
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank()) continue;
    const Range theirs = slice(buckets_[bucket], r);
    for (const LocalNode& node : nodes) {
      if (theirs.size() > 0) sends.push_back({r, node.partials[0].values + theirs.begin, theirs.size()});
    }
    for (size_t n = nodes_of(plan.of_rank(r), plan.microbatches()).size(); n > 0 && mine > 0; --n) {
      receives.push_back({r, into, mine});
      into += mine;
    }
  }
  return group_.exchange(sends, receives, kGradientTag);
}

// Sums all ranks' nodes for this rank's slice, and consumes the sums while they are in cache.
void OrderedReducer::consume(const GradientTree& tree, const Plan& plan, size_t bucket, Buffer& received,
                             const Consumer& consumer) {
  const Range mine = slice(buckets_[bucket], group_.rank());
  std::vector<Partial<float>> partials;
  float* from = received.data();
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank()) {
      for (const auto& own : tree.partials()) partials.push_back({own.leaves, own.values + mine.begin});
      continue;
    }
    for (const Range node : nodes_of(plan.of_rank(r), plan.microbatches())) {
      partials.push_back({node, from});
      from += mine.size();
    }
  }
  const Range root{0, plan.microbatches()};
  for_each_piece(workers_, mine, [&](Range piece) {
    if (partials.size() == 1) return consumer(piece, partials[0].values + piece.begin - mine.begin);
    std::array<float, kSumAtOnce> sum;
    for (int64_t at = piece.begin; at < piece.end; at += kSumAtOnce) {
      const int64_t count = std::min(kSumAtOnce, piece.end - at);
      sum_node(root, partials, at - mine.begin, count, sum.data());
      consumer({at, at + count}, sum.data());
    }
  });
}

comm::Request OrderedReducer::start_gather(Range bucket, float* values) {
  std::vector<comm::Send> sends;
  std::vector<comm::Receive> receives;
  const Range mine = slice(bucket, group_.rank());
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank()) continue;
    const Range theirs = slice(bucket, r);
    if (mine.size() > 0) sends.push_back({r, values + mine.begin, mine.size()});
    if (theirs.size() > 0) receives.push_back({r, values + theirs.begin, theirs.size()});
  }
  return group_.exchange(sends, receives, kParameterTag);
}

void OrderedReducer::finish(const GradientTree& tree, const Plan& plan, const Consumer& consumer,
                            float* gathered) {
  const std::vector<LocalNode> nodes = local_nodes(tree, plan);
  std::vector<comm::Request> sums;
  std::vector<comm::Request> gathers;
  const size_t slots = under_way(plan, group_.rank(), buckets_);
  for (size_t b = 0; b < buckets_.size(); ++b) {
    while (sums.size() < std::min(buckets_.size(), b + slots)) {
      merge_for_others(nodes, buckets_[sums.size()]);
      sums.push_back(send_nodes(nodes, plan, sums.size(), received_[sums.size() % slots]));
    }
    waiting_.during([&] { sums[b].wait(); });
    consume(tree, plan, b, received_[b % slots], consumer);
    if (gathered != nullptr) gathers.push_back(start_gather(buckets_[b], gathered));
  }
  waiting_.during([&] {
    for (comm::Request& request : gathers) request.wait();
  });
}

void OrderedReducer::gather(float* values) {
  std::vector<comm::Request> requests;
  for (const Range bucket : buckets_) requests.push_back(start_gather(bucket, values));
  waiting_.during([&] {
    for (comm::Request& request : requests) request.wait();
  });
}

void OrderedReducer::for_each_owned(const std::function<void(Range)>& consumer) {
  for (const Range bucket : buckets_) for_each_piece(workers_, slice(bucket, group_.rank()), consumer);
}

void OrderedReducer::gather_blocks(std::vector<double>& values) {
  const size_t ranks = static_cast<size_t>(group_.size());
  std::vector<uint64_t> bytes(ranks);
  std::vector<double> mine;
  for (const Range bucket : buckets_) {
    for (size_t r = 0; r < ranks; ++r) {
      const Range blocks = slice(bucket, static_cast<int>(r));
      bytes[r] += static_cast<uint64_t>(blocks.size() / kBlock) * sizeof(double);
      if (static_cast<int>(r) != group_.rank()) continue;
      mine.insert(mine.end(), values.begin() + blocks.begin / kBlock, values.begin() + blocks.end / kBlock);
    }
  }
  std::vector<double> all(values.size());
  waiting_.during([&] { group_.allgather(mine.data(), bytes, all.data()); });
  auto next = all.begin();
  for (int r = 0; r < group_.size(); ++r) {
    for (const Range bucket : buckets_) {
      const Range blocks = slice(bucket, r);
      std::copy_n(next, blocks.size() / kBlock, values.begin() + blocks.begin / kBlock);
      next += blocks.size() / kBlock;
    }
  }
}

void OrderedReducer::collect(const float* values, float* full) {
  std::vector<comm::Send> sends;
  std::vector<comm::Receive> receives;
  for (const Range bucket : buckets_) {
    for (int r = 0; r < group_.size(); ++r) {
      const Range part = slice(bucket, r);
      if (part.size() == 0) continue;
      if (r == group_.rank()) {
        if (r != 0) sends.push_back({0, values + part.begin, part.size()});
        if (r == 0) std::copy_n(values + part.begin, part.size(), full + part.begin);
      } else if (group_.rank() == 0) {
        receives.push_back({r, full + part.begin, part.size()});
      }
    }
  }
  group_.exchange(sends, receives, kParameterTag).wait();
}

}  // namespace lockstep::dist
