#include "lockstep/train/memory.h"

#include <algorithm>
#include <limits>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/memory.h"
#include "lockstep/dist/gradient_tree.h"
#include "lockstep/dist/reducer.h"

namespace lockstep::train {

namespace {

constexpr int64_t kFloat = sizeof(float);

// A dataset may be there only to be evaluated; the order of its one imagined training sample is then never
// asked for.
int64_t training_rows(const data::Dataset& dataset) {
  return std::max<int64_t>(dataset.train ? dataset.train->rows() : 0, 1);
}

// Of every size in which minibatches come.
std::vector<dist::Plan> plans_of(const Cut& cut, int ranks) {
  std::vector<dist::Plan> plans;
  for (const int64_t samples : cut.order.whole_batches()) plans.emplace_back(samples, cut.microbatch, ranks);
  for (const int64_t samples : cut.order.last_batches()) plans.emplace_back(samples, cut.microbatch, ranks);
  return plans;
}

int64_t largest_batch(const data::Order& order) {
  const std::vector<int64_t> batches = order.whole_batches();
  return *std::max_element(batches.begin(), batches.end());
}

// The optimizer's state and what training keeps beside it, in floats.
int64_t update_floats(const Options& options, const ParameterLayout& layout, int ranks, int rank) {
  const auto optimizer = optim::make_optimizer(options, 0);
  const int64_t slots = static_cast<int64_t>(optimizer->slots().size());
  const int64_t learned = layout.learned_floats();
  const int64_t owned = options.reduction == "mpi" ? learned : learned / ranks;
  // A checkpoint is written from a copy, which is whole on rank 0.
  const int64_t whole_copy = (1 + slots) * layout.floats();
  const int64_t copy = options.checkpoint.empty() ? 0 : rank == 0 ? whole_copy : slots * owned;
  return slots * owned + (needs_norms(options, *optimizer) ? owned : 0) + copy;
}

}  // namespace

Cut::Cut(const Options& options, const data::Dataset& dataset)
    : order(options.seed, training_rows(dataset), options.batch_size, options.shuffle),
      microbatch(std::min(options.microbatch, largest_batch(order))) {}

bool needs_norms(const Options& options, const optim::Optimizer& optimizer) {
  return options.clip_norm > 0 || optimizer.by_layers();
}

int64_t most_microbatches(const Cut& cut, int ranks, int rank) {
  int64_t most = 0;
  for (const dist::Plan& plan : plans_of(cut, ranks)) most = std::max(most, plan.of_rank(rank).size());
  return most;
}

int gradient_buffers(const Cut& cut, const EnginePlan& engine, int ranks, int rank) {
  int buffers = 1;
  for (const dist::Plan& plan : plans_of(cut, ranks)) {
    buffers =
        std::max(buffers, dist::GradientTree::buffers_needed(engine.branches(), plan, rank, engine.width));
  }
  return buffers;
}

MemoryEstimate estimate_memory(const Options& options, const data::Dataset& dataset, const Model& model,
                               int threads, const dist::Teams& teams, int rank, RunKind kind) {
  const int ranks = teams.ranks();
  const Cut cut(options, dataset);
  const EnginePlan engine(model, threads, cut.microbatch, most_microbatches(cut, ranks, rank));
  const nn::WorkspaceSize workspace = model.network.workspace_size(engine.columns);
  const ParameterLayout& layout = model.network.layout();
  const int64_t learned = layout.learned_floats();
  MemoryEstimate estimate;
  estimate.dataset = dataset.memory_bytes;
  estimate.dataset_held_by = dataset.held_by;
  estimate.parameters = layout.floats() * kFloat;
  estimate.activations = (workspace.floats + engine.truth_floats) * kFloat;
  estimate.together = engine.together && kind != RunKind::kEvaluation;
  estimate.workspaces = estimate.together ? engine.workspaces : threads;
  estimate.microbatch = cut.microbatch;
  const auto largest = std::max_element(workspace.layers.begin(), workspace.layers.end());
  estimate.largest = largest - workspace.layers.begin();
  estimate.largest_bytes = *largest * kFloat;
  if (kind == RunKind::kEvaluation) return estimate;

  // What is read from a file is copied out of its blocks: the set in use, and those ahead of it.
  if (!dataset.in_memory) {
    const int64_t samples = most_microbatches(cut, ranks, rank) * cut.microbatch;
    estimate.dataset +=
        static_cast<int64_t>(data::Loader::kSetsAhead + 1) * samples * row_bytes(dataset.info);
  }
  int64_t received = 0;
  for (const dist::Plan& plan : plans_of(cut, ranks)) {
    received = std::max(received,
                        dist::reducer_floats(options.reduction, plan, rank, teams, learned,
                                             dist::bucket_floats(options.bucket_kilobytes, learned, ranks)));
  }
  estimate.parameters += (update_floats(options, layout, ranks, rank) + received) * kFloat;
  estimate.gradients = (gradient_buffers(cut, engine, ranks, rank) * learned +
                        engine.left * (engine.kept_floats + engine.separate_floats)) *
                       kFloat;
  return estimate;
}

namespace {

// The ranks of one host, together.
struct HostMemory {
  std::vector<size_t> members;
  int64_t total = 0;
  int64_t without_activations = 0;
  int64_t available = std::numeric_limits<int64_t>::max();  // the least that any of them found
  size_t largest = 0;                                       // the rank that needs most
};

HostMemory memory_of(const std::string& host, const std::vector<comm::Placement>& placements,
                     const std::vector<RankMemory>& ranks) {
  HostMemory sum;
  int64_t most = -1;
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (placements[r].host != host) continue;
    const MemoryEstimate& needs = ranks[r].needs;
    if (needs.total() > most) sum.largest = r;
    most = std::max(most, needs.total());
    sum.members.push_back(r);
    sum.total += needs.share();
    sum.without_activations += needs.share() - needs.activations * needs.workspaces;
    sum.available = std::min(sum.available, ranks[r].available);
  }
  return sum;
}

std::string parts_text(const Model& model, const MemoryEstimate& needs) {
  const nn::Node& layer = model.network.nodes()[static_cast<size_t>(needs.largest)];
  const char* each = needs.together ? "microbatch" : "thread";
  const char* all = needs.together ? "microbatches" : "threads";
  const std::string once = needs.dataset_held_by > 1 ? " once for all" : "";
  return text("dataset ", bytes_text(needs.dataset), once, ", parameters and gradient buffers ",
              bytes_text(needs.parameters + needs.gradients), ", activations ", bytes_text(needs.activations),
              " a ", each, " x ", needs.workspaces, " ", needs.workspaces == 1 ? each : all,
              ", of which most for layer '", layer.line, "' (", layer.origin,
              "): ", bytes_text(needs.largest_bytes), " a ", each);
}

std::string advice(const HostMemory& host, const MemoryEstimate& needs) {
  const std::string fewer_ranks = host.members.size() > 1 ? " or fewer ranks on this host" : "";
  if (host.without_activations > host.available) {
    return text("take a smaller network", needs.dataset > 0 ? " or --in-memory no" : "", fewer_ranks);
  }
  if (needs.together) {
    return text(
        "take a smaller --batch-size, ranks on more hosts, or batchnorm without statistics=minibatch, ",
        "which keeps all activations of a step");
  }
  return text("take a smaller --microbatch", needs.workspaces > 1 ? " or fewer --threads" : "", fewer_ranks);
}

}  // namespace

std::string memory_shortage(const Model& model, const std::vector<comm::Placement>& placements,
                            const std::vector<RankMemory>& ranks) {
  for (const comm::Placement& placement : placements) {
    const HostMemory host = memory_of(placement.host, placements, ranks);
    if (host.total <= host.available) continue;
    const MemoryEstimate& needs = ranks[host.largest].needs;
    const size_t count = host.members.size();
    const std::string who = count == 1 ? "the rank there needs" : text("the ", count, " ranks there need");
    return text("a microbatch of ", needs.microbatch, " samples does not fit in memory: ", placement.host,
                " has ", bytes_text(host.available), " left, ", who, " ", bytes_text(host.total), " (rank ",
                host.largest, ": ", parts_text(model, needs), "); ", advice(host, needs));
  }
  return "";
}

void require_memory(const Model& model, comm::Group& group, const std::vector<comm::Placement>& placements,
                    const RankMemory& mine) {
  std::vector<RankMemory> all(static_cast<size_t>(group.size()));
  group.allgather(&mine, std::vector<uint64_t>(all.size(), sizeof mine), all.data());
  const std::string shortage = memory_shortage(model, placements, all);
  if (!shortage.empty()) throw comm::AgreedError(shortage);
}

}  // namespace lockstep::train
