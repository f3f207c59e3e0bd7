#include "ordered_reducer.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace lockstep::dist {

namespace {

constexpr int kGradientTag = 1;
constexpr int kParameterTag = 2;
constexpr int kStateTag = 3;
// Buckets of parameters that this rank sends at a time: a layer computes while they travel, and those that
// are needed first do not share the network with all others.
constexpr size_t kGathersAtOnce = 3;
constexpr int64_t kSumAtOnce = 8 * kBlock;  // floats: summed and consumed while in the first-level cache
constexpr int64_t kPiece = 16 * kBlock;     // floats: what a thread takes at a time

// Takes those that a node is made of off the front.
std::span<const Partial<float>> take_parts(Range node, std::span<const Partial<float>>& partials) {
  size_t count = 0;
  while (count < partials.size() && partials[count].leaves.end <= node.end) ++count;
  const auto parts = partials.first(count);
  partials = partials.subspan(count);
  return parts;
}

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
      layout_(parameters, bucket_floats, group.size()),
      received_(buckets().size()) {}

// Collective.
void OrderedReducer::open() {
  if (teams_) return;
  teams_.emplace(group_);
  board_.emplace(group_, *teams_);
}

void OrderedReducer::begin(GradientTree& tree, const Plan& plan) {
  wait_for_readers();
  step_.emplace(Step{tree, plan, layout_.slots(plan, group_.rank(), *teams_), {}, 0, 0, 0, 0, {}});
  step_->exchanges.resize(buckets().size());
  while (step_->expected < step_->slots) expect_next();
}

void OrderedReducer::advance() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  Step& step = *step_;
  const int64_t final_floats = step.tree.final_floats();
  // On this thread alone: the others are at their microbatches.
  const auto at_once = [](Range range, const std::function<void(Range)>& task) { task(range); };
  while (step.shown < step.slots && buckets()[step.shown].end <= final_floats) show_next(at_once);
  while (step.sent < step.shown && may_send()) send_next(at_once);
  while (step.over < step.sent && step.exchanges[step.over].test(traffic_)) ++step.over;
}

std::vector<Range> OrderedReducer::nodes_of_rank(int rank) const {
  return nodes_of(step_->plan.of_rank(rank), step_->plan.microbatches());
}

std::vector<Range> OrderedReducer::nodes_of_team(int team) const {
  return nodes_of(teams_->run_of(step_->plan, team), step_->plan.microbatches());
}

std::vector<OrderedReducer::LocalNode> OrderedReducer::local_nodes() const {
  std::vector<LocalNode> nodes;
  const std::vector<Partial<float>> partials = step_->tree.partials();
  std::span<const Partial<float>> rest = partials;
  for (const Range node : nodes_of_rank(group_.rank())) {
    const auto parts = take_parts(node, rest);
    nodes.push_back({node, {parts.begin(), parts.end()}});
  }
  return nodes;
}

void OrderedReducer::show_nodes(std::vector<LocalNode> nodes) {
  step_->nodes = std::move(nodes);
  for (size_t n = 0; n < step_->nodes.size(); ++n) board_->set_node(n, sum_of(step_->nodes[n]));
}

// What a rank of the team shows, from a parameter on.
void OrderedReducer::add_shown(int64_t member, int64_t parameter,
                               std::vector<Partial<float>>& partials) const {
  const int rank = static_cast<int>(member);
  const std::vector<Range> nodes = nodes_of_rank(rank);
  for (size_t n = 0; n < nodes.size(); ++n) {
    float* const sum = rank == group_.rank() ? sum_of(step_->nodes[n]) : board_->node(rank, n);
    partials.push_back({nodes[n], sum + parameter});
  }
}

void OrderedReducer::expect_next() {
  const size_t bucket = step_->expected++;
  Buffer& received = received_[bucket % step_->slots];
  const int64_t floats = layout_.received(step_->plan, group_.rank(), *teams_, buckets()[bucket]);
  if (received.size() < floats) received = Buffer(floats, Pages::kSmall);

  const int64_t mine = slice(buckets()[bucket], group_.rank()).size();
  std::vector<comm::Receive> receives;
  float* into = received.data();
  for (int t = 0; t < teams_->count(); ++t) {
    if (t == team()) continue;
    for (size_t n = nodes_of_team(t).size(); n > 0 && mine > 0; --n) {
      receives.push_back({teams_->courier(t, group_.rank()), into, mine});
      into += mine;
    }
  }
  step_->exchanges[bucket].expect(group_.exchange({}, receives, kGradientTag));
}

// What others own is summed up to whole nodes.
void OrderedReducer::show_next(const ForEachPiece& for_each) {
  if (step_->nodes.empty()) show_nodes(local_nodes());
  const size_t bucket = step_->shown++;
  const Range all = buckets()[bucket];
  const Range mine = slice(all, group_.rank());
  for (const LocalNode& node : step_->nodes) {
    if (node.partials.size() == 1) continue;
    for (const Range others : {Range{all.begin, mine.begin}, Range{mine.end, all.end}}) {
      for_each(others, [&](Range piece) {
        sum_node(node.leaves, node.partials, piece.begin, piece.size(), sum_of(node) + piece.begin);
      });
    }
  }
  board_->add(Count::kShown);
  step_->exchanges[bucket].start(traffic_);
}

// Whether the whole team shows the next bucket that this rank is to send.
bool OrderedReducer::may_send() const {
  return board_->others_have(Count::kShown, reduced_ + step_->sent + 1);
}

// To ranks outside the team, for whom this rank is the courier: the team's nodes, each where its first
// partial is.
void OrderedReducer::send_next(const ForEachPiece& for_each) {
  const size_t bucket = step_->sent++;
  std::vector<comm::Send> sends;
  for (int r = 0; r < group_.size(); ++r) {
    const Range theirs = slice(buckets()[bucket], r);
    if (in_team(r) || teams_->courier(team(), r) != group_.rank() || theirs.size() == 0) continue;
    std::vector<Partial<float>> partials;
    for (int64_t m = members().begin; m < members().end; ++m) add_shown(m, theirs.begin, partials);
    std::span<const Partial<float>> rest = partials;
    for (const Range node : nodes_of_team(team())) {
      const auto parts = take_parts(node, rest);
      float* const sum = parts[0].values;
      if (parts.size() > 1) {
        for_each(theirs, [&](Range piece) {
          const int64_t at = piece.begin - theirs.begin;
          sum_node(node, parts, at, piece.size(), sum + at);
        });
      }
      sends.push_back({r, sum, theirs.size()});
    }
  }
  step_->exchanges[bucket].send(traffic_, group_.exchange(sends, {}, kGradientTag));
}

// Sums all ranks' nodes for this rank's slice, and consumes the sums while they are in cache.
void OrderedReducer::consume(size_t bucket, const Consumer& consumer) {
  const Range mine = slice(buckets()[bucket], group_.rank());
  const Range root{0, step_->plan.microbatches()};
  const std::vector<Partial<float>> partials = all_partials(bucket);
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

// This rank's own, those that its team shows, and those received of other teams, each from the slice's start.
std::vector<Partial<float>> OrderedReducer::all_partials(size_t bucket) {
  const Range mine = slice(buckets()[bucket], group_.rank());
  std::vector<Partial<float>> partials;
  float* from = received_[bucket % step_->slots].data();
  for (int t = 0; t < teams_->count(); ++t) {
    if (t == team()) continue;
    for (const Range node : nodes_of_team(t)) {
      partials.push_back({node, from});
      from += mine.size();
    }
  }
  for (int64_t m = members().begin; m < members().end; ++m) {
    if (m != group_.rank()) add_shown(m, mine.begin, partials);
  }
  for (const LocalNode& node : step_->nodes) {
    for (const auto& own : node.partials) partials.push_back({own.leaves, own.values + mine.begin});
  }
  std::sort(partials.begin(), partials.end(),
            [](const auto& a, const auto& b) { return a.leaves.begin < b.leaves.begin; });
  return partials;
}

// Until nobody of the team needs this rank's buffers any more. Meanwhile new parameters travel on.
void OrderedReducer::wait_for_readers() {
  const TeamBoard& board = board_.value();  // after share()
  wait_for([&] {
    go_on_gathering();
    return board.others_have(Count::kUsed, reduced_);
  });
}

void OrderedReducer::wait_for(const std::function<bool()>& ready) {
  if (ready()) return;
  traffic_.wait([&] { poll_until(ready); });
}

void OrderedReducer::poll_until(const std::function<bool()>& ready) {
  while (!ready()) {
    group_.progress();
    std::this_thread::yield();
  }
}

void OrderedReducer::run_out(const std::function<void(size_t bucket)>& arrived) {
  const auto by_all = [&](Range range, const std::function<void(Range)>& task) {
    for_each_piece(workers_, range, task);
  };
  Step& step = *step_;
  for (size_t b = 0; b < buckets().size(); ++b) {
    while (step.shown < std::min(buckets().size(), b + step.slots)) {
      if (step.expected == step.shown) expect_next();
      show_next(by_all);
    }
    while (step.sent <= b || (step.sent < step.shown && may_send())) {
      wait_for([&] { return may_send(); });
      send_next(by_all);
    }
    step.exchanges[b].wait(traffic_);
    arrived(b);
    board_->add(Count::kUsed);
  }
  reduced_ += buckets().size();
}

void OrderedReducer::finish(const Consumer& consumer, float* gathered) {
  run_out([&](size_t bucket) { consume(bucket, consumer); });
  if (gathered != nullptr) gather(gathered);
}

// Other ranks wait for as many floats as ever; which ones does not matter.
void OrderedReducer::abandon() {
  if (step_->nodes.empty()) {
    std::vector<LocalNode> nodes;
    for (const Range node : nodes_of_rank(group_.rank())) {
      nodes.push_back({node, {{node, step_->tree.any_buffer()}}});
    }
    show_nodes(std::move(nodes));
  }
  run_out([](size_t) {});
  wait_for_readers();  // who repeats the step uses them
}

void OrderedReducer::share(Buffer& values) {
  open();
  board_->share(values);
}

void OrderedReducer::share(GradientTree& tree) {
  open();
  board_->show(tree.storage());
}

void OrderedReducer::gather(float* values) {
  gather_ = {values, {}, 0, 0, 0, gather_.before + gather_.exchanges.size()};
  complete_from_ = parameters_;
  for (size_t b = buckets().size(); b-- > 0;) {
    Exchange& exchange = gather_.exchanges.emplace_back();
    exchange.expect(receive_gathered(buckets()[b]));
  }
  go_on_gathering();
}

comm::Request OrderedReducer::receive_gathered(Range bucket) {
  std::vector<comm::Receive> receives;
  for (int r = 0; r < group_.size(); ++r) {
    const Range theirs = slice(bucket, r);
    if (in_team(r) || teams_->courier(team(), r) != group_.rank() || theirs.size() == 0) continue;
    receives.push_back({r, gather_.values + theirs.begin, theirs.size()});
  }
  return group_.exchange({}, receives, kParameterTag);
}

comm::Request OrderedReducer::send_gathered(Range bucket) {
  const Range mine = slice(bucket, group_.rank());
  std::vector<comm::Send> sends;
  for (int t = 0; t < teams_->count(); ++t) {
    if (t == team() || mine.size() == 0) continue;
    sends.push_back({teams_->courier(t, group_.rank()), gather_.values + mine.begin, mine.size()});
  }
  return group_.exchange(sends, {}, kParameterTag);
}

// Without waiting.
void OrderedReducer::go_on_gathering() {
  Gather& gather = gather_;
  const size_t count = gather.exchanges.size();
  while (true) {
    while (gather.sent < std::min(count, gather.placed + kGathersAtOnce)) {
      Exchange& exchange = gather.exchanges[gather.sent];
      comm::Request sends = send_gathered(buckets()[count - gather.sent - 1]);
      ++gather.sent;
      exchange.start(traffic_);
      exchange.send(traffic_, std::move(sends));
    }
    if (gather.placed == count || !gather.exchanges[gather.placed].test(traffic_)) break;
    ++gather.placed;
    board_->add(Count::kPlaced);
  }
  while (gather.complete < gather.placed &&
         board_->others_have(Count::kPlaced, gather.before + gather.complete + 1)) {
    ++gather.complete;
    complete_from_.store(buckets()[count - gather.complete].begin, std::memory_order_release);
  }
}

bool OrderedReducer::has_gathered(int64_t from) {
  if (complete_from_.load(std::memory_order_acquire) == 0) return true;
  if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) go_on_gathering();
  return complete_from_.load(std::memory_order_acquire) <= from;
}

void OrderedReducer::await_gathered(int64_t from, double share) {
  if (complete_from_.load(std::memory_order_acquire) <= from) return;
  const Timed timed(workers_.timeline(), Activity::kAwaitRanks);
  const double start = Traffic::now();
  const std::lock_guard lock(mutex_);
  go_on_gathering();
  while (complete_from_ > from) {
    if (gather_.complete == gather_.placed) gather_.exchanges[gather_.placed].finish(traffic_);
    const size_t complete = gather_.complete;
    poll_until([&] {
      go_on_gathering();
      return gather_.complete > complete;
    });
  }
  traffic_.waited_since(start, share);
}

void OrderedReducer::for_each_owned(const std::function<void(Range)>& consumer) {
  for (const Range bucket : buckets()) for_each_piece(workers_, slice(bucket, group_.rank()), consumer);
}

void OrderedReducer::gather_blocks(std::vector<double>& values) {
  const size_t ranks = static_cast<size_t>(group_.size());
  std::vector<uint64_t> bytes(ranks);
  std::vector<double> mine;
  for (const Range bucket : buckets()) {
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
    for (const Range bucket : buckets()) {
      const Range blocks = slice(bucket, r);
      std::copy_n(next, blocks.size() / kBlock, values.begin() + blocks.begin / kBlock);
      next += blocks.size() / kBlock;
    }
  }
}

comm::Request OrderedReducer::collect(float* values) {
  std::vector<comm::Send> sends;
  std::vector<comm::Receive> receives;
  for (const Range bucket : buckets()) {
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
