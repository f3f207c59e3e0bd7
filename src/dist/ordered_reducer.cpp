#include "ordered_reducer.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace lockstep::dist {

namespace {

constexpr int kGradientTag = 1;
constexpr int kParameterTag = 2;
constexpr int kStateTag = 3;
constexpr int64_t kSumAtOnce = 8 * kBlock;  // floats: summed and consumed while in the first-level cache
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
      received_(buckets_.size()) {}

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

// As many as keep what is received to the parameters' size: ranks whose runs end inside the tree send several
// nodes.
size_t OrderedReducer::under_way(const Plan& plan, int rank, const std::vector<Range>& buckets) {
  const int64_t largest = std::max<int64_t>(received_floats(plan, rank, buckets.front()), 1);
  return static_cast<size_t>(
      std::clamp<int64_t>(buckets.back().end / largest, 1, static_cast<int64_t>(buckets.size())));
}

int64_t OrderedReducer::buffer_floats(const Plan& plan, int rank, int64_t parameters, int64_t bucket_floats) {
  const std::vector<Range> buckets = cut(parameters, bucket_floats, plan.ranks());
  std::vector<int64_t> received(under_way(plan, rank, buckets));
  for (size_t b = 0; b < buckets.size(); ++b) {
    int64_t& floats = received[b % received.size()];
    floats = std::max(floats, received_floats(plan, rank, buckets[b]));
  }
  return std::accumulate(received.begin(), received.end(), int64_t{0});
}

void OrderedReducer::begin(GradientTree& tree, const Plan& plan) {
  step_.emplace(Step{tree, plan, under_way(plan, group_.rank(), buckets_), {}, 0, 0, 0, {}});
  step_->exchanges.resize(buckets_.size());
  while (step_->expected < step_->slots) expect_next();
}

void OrderedReducer::advance() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  Step& step = *step_;
  const int64_t final_floats = step.tree.final_floats();
  // On this thread alone: the others are at their microbatches.
  const auto at_once = [](Range range, const std::function<void(Range)>& task) { task(range); };
  while (step.sent < step.slots && buckets_[step.sent].end <= final_floats) send_next(at_once);
  while (step.over < step.sent && step.exchanges[step.over].test(traffic_)) ++step.over;
}

std::vector<OrderedReducer::LocalNode> OrderedReducer::local_nodes() const {
  std::vector<LocalNode> nodes;
  const std::vector<Partial<float>> partials = step_->tree.partials();
  std::span<const Partial<float>> rest = partials;
  for (const Range node : nodes_of(step_->plan.of_rank(group_.rank()), step_->plan.microbatches())) {
    size_t count = 0;
    while (count < rest.size() && rest[count].leaves.end <= node.end) ++count;
    nodes.push_back({node, {rest.begin(), rest.begin() + static_cast<int64_t>(count)}});
    rest = rest.subspan(count);
  }
  return nodes;
}

void OrderedReducer::expect_next() {
  const size_t bucket = step_->expected++;
  Buffer& received = received_[bucket % step_->slots];
  const int64_t floats = received_floats(step_->plan, group_.rank(), buckets_[bucket]);
  if (received.size() < floats) received = Buffer(floats, Pages::kSmall);

  const int64_t mine = slice(buckets_[bucket], group_.rank()).size();
  std::vector<comm::Receive> receives;
  float* into = received.data();
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank()) continue;
    const Range run = step_->plan.of_rank(r);
    for (size_t n = nodes_of(run, step_->plan.microbatches()).size(); n > 0 && mine > 0; --n) {
      receives.push_back({r, into, mine});
      into += mine;
    }
  }
  step_->exchanges[bucket].expect(group_.exchange({}, receives, kGradientTag));
}

void OrderedReducer::send_next(const ForEachPiece& for_each) {
  if (step_->nodes.empty()) step_->nodes = local_nodes();
  const size_t bucket = step_->sent++;
  merge_for_others(buckets_[bucket], for_each);
  std::vector<comm::Send> sends;
  for (int r = 0; r < group_.size(); ++r) {
    const Range theirs = slice(buckets_[bucket], r);
    if (r == group_.rank() || theirs.size() == 0) continue;
    for (const LocalNode& node : step_->nodes) {
      sends.push_back({r, node.partials[0].values + theirs.begin, theirs.size()});
    }
  }
  step_->exchanges[bucket].start(traffic_, group_.exchange(sends, {}, kGradientTag));
}

// What other ranks own is summed up to whole nodes before it is sent, into the first partial's memory.
void OrderedReducer::merge_for_others(Range bucket, const ForEachPiece& for_each) {
  const Range mine = slice(bucket, group_.rank());
  for (const LocalNode& node : step_->nodes) {
    if (node.partials.size() < 2) continue;
    for (const Range others : {Range{bucket.begin, mine.begin}, Range{mine.end, bucket.end}}) {
      for_each(others, [&](Range piece) {
        sum_node(node.leaves, node.partials, piece.begin, piece.size(),
                 node.partials[0].values + piece.begin);
      });
    }
  }
}

// Sums all ranks' nodes for this rank's slice, and consumes the sums while they are in cache.
void OrderedReducer::consume(size_t bucket, const Consumer& consumer) {
  const Range mine = slice(buckets_[bucket], group_.rank());
  const Plan& plan = step_->plan;
  std::vector<Partial<float>> partials;
  float* from = received_[bucket % step_->slots].data();
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank()) {
      for (const LocalNode& node : step_->nodes) {
        for (const auto& own : node.partials) partials.push_back({own.leaves, own.values + mine.begin});
      }
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

Exchange OrderedReducer::start_gather(Range bucket, float* values) {
  std::vector<comm::Send> sends;
  std::vector<comm::Receive> receives;
  const Range mine = slice(bucket, group_.rank());
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank()) continue;
    const Range theirs = slice(bucket, r);
    if (mine.size() > 0) sends.push_back({r, values + mine.begin, mine.size()});
    if (theirs.size() > 0) receives.push_back({r, values + theirs.begin, theirs.size()});
  }
  Exchange exchange;
  exchange.start(traffic_, group_.exchange(sends, receives, kParameterTag));
  return exchange;
}

void OrderedReducer::run_out(const std::function<void(size_t bucket)>& arrived) {
  const auto by_all = [&](Range range, const std::function<void(Range)>& task) {
    for_each_piece(workers_, range, task);
  };
  for (size_t b = 0; b < buckets_.size(); ++b) {
    while (step_->sent < std::min(buckets_.size(), b + step_->slots)) {
      if (step_->expected == step_->sent) expect_next();
      send_next(by_all);
    }
    step_->exchanges[b].wait(traffic_);
    arrived(b);
  }
}

void OrderedReducer::finish(const Consumer& consumer, float* gathered) {
  std::vector<Exchange> gathers;
  run_out([&](size_t bucket) {
    consume(bucket, consumer);
    if (gathered != nullptr) gathers.push_back(start_gather(buckets_[bucket], gathered));
  });
  for (Exchange& exchange : gathers) exchange.wait(traffic_);
}

// Other ranks wait for as many floats as ever; which ones does not matter.
void OrderedReducer::abandon() {
  Step& step = *step_;
  if (step.tree.final_floats() < parameters_) {
    step.nodes.clear();
    for (const Range node : nodes_of(step.plan.of_rank(group_.rank()), step.plan.microbatches()))
      step.nodes.push_back({node, {{node, step.tree.any_buffer()}}});
  }
  run_out([](size_t) {});
}

void OrderedReducer::gather(float* values) {
  std::vector<Exchange> exchanges;
  for (const Range bucket : buckets_) exchanges.push_back(start_gather(bucket, values));
  for (Exchange& exchange : exchanges) exchange.wait(traffic_);
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
  traffic_.wait([&] { group_.allgather(mine.data(), bytes, all.data()); });
  auto next = all.begin();
  for (int r = 0; r < group_.size(); ++r) {
    for (const Range bucket : buckets_) {
      const Range blocks = slice(bucket, r);
      std::copy_n(next, blocks.size() / kBlock, values.begin() + blocks.begin / kBlock);
      next += blocks.size() / kBlock;
    }
  }
}

comm::Request OrderedReducer::collect(float* values) {
  std::vector<comm::Send> sends;
  std::vector<comm::Receive> receives;
  for (const Range bucket : buckets_) {
    for (int r = 1; r < group_.size(); ++r) {
      const Range part = slice(bucket, r);
      if (part.size() == 0) continue;
      if (r == group_.rank()) sends.push_back({0, values + part.begin, part.size()});
      if (group_.rank() == 0) receives.push_back({r, values + part.begin, part.size()});
    }
  }
  return group_.exchange(sends, receives, kStateTag);
}

}  // namespace lockstep::dist
