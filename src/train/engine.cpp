#include "lockstep/train/engine.h"

#include <algorithm>
#include <bit>

#include "engine_step.h"
#include "lockstep/kernels/layout.h"

namespace lockstep::train {

namespace {

constexpr int64_t kFewestJoint = 4;              // microbatches of a branch
constexpr int64_t kSeparatePiece = 64 * kBlock;  // floats

}  // namespace

// Branches are as wide as the memory of the buffers that they save allows; bits do not depend on it.
EnginePlan::EnginePlan(const Model& model, int threads, int64_t microbatch, int64_t most)
    : threads(threads),
      columns(kernels::columns_for(microbatch)),
      together(model.network.goes_together()),
      workspaces(together ? std::max<int64_t>(most, threads) : threads) {
  const nn::Network& network = model.network;
  const bool in_workspace = model.target == Target::kInput || model.target == Target::kLayer;
  if (!in_workspace) truth_floats = network.output_shape().size() * columns;
  if (together) return;
  for (const nn::Span& span : network.separate()) separate_floats += span.end - span.begin;
  if (2 * separate_floats > network.layout().learned_floats()) return;
  kept_floats = network.kept_floats(columns);
  const int64_t saved = (threads + 2) * network.layout().learned_floats();
  const int64_t each = kept_floats + separate_floats;
  width = static_cast<int64_t>(
      std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(saved / each - threads, 1))));
  width = std::clamp<int64_t>(width, kFewestJoint, nn::kMostJoint);
  left = width + threads;
}

Engine::Engine(const Model& model, const data::Unpacker& unpacker, parallel::Workers& workers,
               int64_t microbatch, int64_t most)
    : model_(model),
      unpacker_(unpacker),
      workers_(workers),
      plan_(model, workers.threads(), microbatch, most) {
  for (int64_t w = 0; w < plan_.workspaces; ++w) {
    slots_.push_back({model.network.workspace(plan_.columns), Buffer(plan_.truth_floats)});
  }
  for (int64_t i = 0; i < plan_.left; ++i) {
    left_.push_back(
        {Buffer(plan_.kept_floats), Buffer(model.network.layout().learned_floats(), Pages::kSmall)});
  }
  if (plan_.width > 1) pieces_ = pieces_of(model.network);
}

std::vector<Engine::Piece> Engine::pieces_of(const nn::Network& network) {
  std::vector<Piece> pieces;
  for (const nn::JointPiece& piece : network.joint_pieces()) pieces.push_back({piece.arena_end, &piece, 0});
  for (const nn::Span& span : network.separate()) {
    for (int64_t at = span.begin; at < span.end; at += kSeparatePiece) {
      pieces.push_back({std::min(at + kSeparatePiece, span.end), nullptr, at});
    }
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.end < b.end; });
  return pieces;
}

// Unpacks a microbatch into a thread's workspace.
nn::Pass Engine::load(const dist::Plan& plan, int rank, int64_t microbatch, const data::Samples& samples,
                      std::optional<int64_t> epoch, Slot& slot) const {
  nn::Pass pass;
  pass.timeline = workers_.timeline();
  const Timed timed(pass.timeline, Activity::kUnpack);
  const dist::Range range = plan.samples_of(microbatch);
  pass.samples = range.size();
  pass.columns = kernels::columns_for(pass.samples);
  pass.minibatch = plan.samples();
  pass.first_sample = static_cast<uint32_t>(range.begin);
  const int64_t first = range.begin - plan.samples_of(plan.of_rank(rank).begin).begin;
  unpacker_.unpack(samples, first, pass.samples, epoch, pass.columns, slot.workspace.input());
  return pass;
}

nn::LossSums Engine::compare(const nn::Pass& pass, int64_t first, const data::Samples& samples, Slot& slot,
                             float delta_scale, float* delta) const {
  const Timed timed(pass.timeline, Activity::kLoss);
  nn::Truth truth;
  const int64_t features = model_.network.output_shape().size();
  if (model_.target == Target::kInput) {
    truth.values = slot.workspace.input();
  } else if (model_.target == Target::kLayer) {
    truth.values = slot.workspace.output_of(model_.target_node);
  } else if (model_.target == Target::kValues) {
    const std::span<const float* const> targets(samples.targets.data() + first,
                                                static_cast<size_t>(pass.samples));
    data::unpack_targets(targets, features, pass.columns, slot.truth.data());
    truth.values = slot.truth.data();
  } else {
    truth.labels = samples.labels.data() + first;
    if (!model_.loss->needs_labels()) {
      std::fill_n(slot.truth.data(), features * pass.columns, 0.0f);
      for (int64_t n = 0; n < pass.samples; ++n) slot.truth.data()[truth.labels[n] * pass.columns + n] = 1.0f;
      truth.values = slot.truth.data();
    }
  }
  return model_.loss->evaluate(pass, features, slot.workspace.output(), truth, delta_scale, delta);
}

std::vector<double> Engine::train(const dist::Plan& plan, int rank, const data::Samples& samples,
                                  uint64_t seed, int64_t epoch, int64_t step, const float* parameters,
                                  dist::GradientTree& tree, const std::function<void()>& moved,
                                  const std::function<void(int64_t from)>& needs, nn::PassObserver* observer,
                                  dist::MinibatchSums* minibatch_sums) {
  const Step all{plan, rank, samples, seed, epoch, step, parameters, tree, moved, needs, observer};
  if (plan_.together) return train_together(all, *minibatch_sums);
  std::vector<double> sums(static_cast<size_t>(plan.of_rank(rank).size() * kSumsPerMicrobatch));
  dist::WorkQueue queue(tree, queue_sizes());
  workers_.for_each(workers_.threads(), [&](int64_t, int thread) {
    try {
      while (const auto work = queue.next(workers_.timeline())) {
        if (work->piece < 0) {
          take_microbatch(all, *work, queue, slots_[static_cast<size_t>(thread)], sums);
          queue.done(*work);
          moved();
        } else {
          take_piece(all, *work, queue);
        }
      }
    } catch (...) {
      queue.cancel();
      throw;
    }
  });
  return sums;
}

dist::WorkQueue::Sizes Engine::queue_sizes() const {
  dist::WorkQueue::Sizes sizes{plan_.width > 1 ? plan_.left : workers_.threads(), {}, plan_.branches()};
  for (const Piece& piece : pieces_) sizes.pieces.push_back(piece.end);
  return sizes;
}

void Engine::take_microbatch(const Step& step, const dist::Work& work, dist::WorkQueue& queue, Slot& slot,
                             std::vector<double>& sums) {
  const Timed timed(workers_.timeline(), Activity::kMicrobatch, work.microbatch);
  const nn::Pass pass = load_to_train(step, work.microbatch, slot);
  model_.network.fprop(pass, step.parameters, slot.workspace, step.needs);
  take_loss(step, work.microbatch, pass, slot, sums);
  if (plan_.width > 1) {
    Left& left = left_[static_cast<size_t>(work.slot)];
    left.columns = pass.columns;
    model_.network.backward(pass, step.parameters, slot.workspace, left.gradient.data(), left.kept.data(),
                            [&](int64_t floats) {
                              // Between two layers: what is final leaves while the layers before are at work.
                              queue.reached(work, floats);
                              while (const auto piece = queue.next_piece()) take_piece(step, *piece, queue);
                            });
  } else {
    model_.network.backward(pass, step.parameters, slot.workspace, work.branch.gradient, nullptr,
                            [&](int64_t floats) {
                              step.tree.reached(work.branch, floats);
                              step.moved();
                            });
  }
}

nn::Pass Engine::load_to_train(const Step& step, int64_t microbatch, Slot& slot) const {
  nn::Pass pass = load(step.plan, step.rank, microbatch, step.samples, step.epoch, slot);
  pass.training = true;
  pass.seed = step.seed;
  pass.step = static_cast<uint32_t>(step.number);
  pass.observer = step.observer;
  return pass;
}

// From the output of a microbatch to its derivative, and its place in `sums`.
void Engine::take_loss(const Step& step, int64_t microbatch, const nn::Pass& pass, Slot& slot,
                       std::vector<double>& sums) const {
  const int64_t begin = step.plan.of_rank(step.rank).begin;
  const int64_t first = step.plan.samples_of(microbatch).begin - step.plan.samples_of(begin).begin;
  const float delta_scale = 1.0f / static_cast<float>(step.plan.samples());
  const nn::LossSums loss =
      compare(pass, first, step.samples, slot, delta_scale, slot.workspace.output_delta());
  const size_t place = static_cast<size_t>((microbatch - begin) * kSumsPerMicrobatch);
  sums[place] = loss.loss + model_.network.penalty(slot.workspace);
  sums[place + 1] = loss.error;
}

void Engine::take_piece(const Step& step, const dist::Work& work, dist::WorkQueue& queue) {
  compute_piece(work);
  queue.done(work);
  step.moved();
}

void Engine::compute_piece(const dist::Work& work) {
  const dist::Range microbatches = work.branch.microbatches;
  const Piece& piece = pieces_[static_cast<size_t>(work.piece)];
  if (piece.joint != nullptr) {
    const Timed timed(workers_.timeline(), Activity::kGrad, static_cast<int64_t>(piece.joint->node));
    std::vector<nn::Kept> kept;
    for (const int64_t slot : work.slots) {
      const Left& left = left_[static_cast<size_t>(slot)];
      kept.push_back({left.kept.data(), left.columns});
    }
    model_.network.joint_gradient(*piece.joint, kept, dist::merges_of(microbatches), work.branch.gradient);
    return;
  }
  const Timed timed(workers_.timeline(), Activity::kMergeTree);
  std::vector<dist::Partial<float>> partials;
  for (size_t m = 0; m < work.slots.size(); ++m) {
    const int64_t leaf = microbatches.begin + static_cast<int64_t>(m);
    partials.push_back({{leaf, leaf + 1}, left_[static_cast<size_t>(work.slots[m])].gradient.data()});
  }
  dist::sum_node(microbatches, partials, piece.begin, piece.end - piece.begin,
                 work.branch.gradient + piece.begin);
}

std::vector<double> Engine::evaluate(const dist::Plan& plan, int rank, const data::Samples& samples,
                                     const float* parameters) {
  const dist::Range mine = plan.of_rank(rank);
  std::vector<double> sums(static_cast<size_t>(mine.size() * kSumsPerMicrobatch));
  workers_.for_each(mine.size(), [&](int64_t index, int thread) {
    Slot& slot = slots_[static_cast<size_t>(thread)];
    const int64_t microbatch = mine.begin + index;
    const nn::Pass pass = load(plan, rank, microbatch, samples, std::nullopt, slot);
    model_.network.fprop(pass, parameters, slot.workspace);
    if (model_.both_views) take_other_view(pass, parameters, slot);
    const int64_t first = plan.samples_of(microbatch).begin - plan.samples_of(mine.begin).begin;
    const nn::LossSums loss = compare(pass, first, samples, slot, 0.0f, nullptr);
    sums[static_cast<size_t>(index * kSumsPerMicrobatch)] = loss.loss;
    sums[static_cast<size_t>(index * kSumsPerMicrobatch) + 1] = loss.error;
  });
  return sums;
}

// Behind fprop(): makes the output the mean of what it is and of that for the mirror images.
void Engine::take_other_view(const nn::Pass& pass, const float* parameters, Slot& slot) const {
  const int64_t floats = model_.network.output_shape().size() * pass.columns;
  float* const first = slot.truth.data();  // nothing is compared with it yet
  std::copy_n(slot.workspace.output(), floats, first);
  data::mirror(model_.network.input_shape(), pass.columns, slot.workspace.input());
  model_.network.fprop(pass, parameters, slot.workspace);
  float* const output = slot.workspace.output();
  for (int64_t i = 0; i < floats; ++i) output[i] = 0.5f * (first[i] + output[i]);
}

std::vector<double> gather_sums(comm::Group& group, const dist::Plan& plan, const std::vector<double>& mine) {
  std::vector<uint64_t> bytes;
  for (int r = 0; r < group.size(); ++r) {
    bytes.push_back(static_cast<uint64_t>(plan.of_rank(r).size() * kSumsPerMicrobatch) * sizeof(double));
  }
  std::vector<double> all(static_cast<size_t>(plan.microbatches() * kSumsPerMicrobatch));
  group.allgather(mine.data(), bytes, all.data());
  return all;
}

}  // namespace lockstep::train
