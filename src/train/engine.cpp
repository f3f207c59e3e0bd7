#include "lockstep/train/engine.h"

#include <algorithm>

#include "lockstep/kernels/layout.h"

namespace lockstep::train {

Engine::Engine(const Model& model, const data::Unpacker& unpacker, parallel::Workers& workers,
               int64_t microbatch)
    : model_(model), unpacker_(unpacker), workers_(workers) {
  const int64_t columns = kernels::columns_for(microbatch);
  for (int t = 0; t < workers.threads(); ++t) {
    Slot slot;
    slot.workspace = model.network.workspace(columns);
    if (model.target != Target::kInput) slot.truth = Buffer(model.network.output_shape().size() * columns);
    slots_.push_back(std::move(slot));
  }
}

// Unpacks a microbatch into a thread's workspace.
nn::Pass Engine::load(const dist::Plan& plan, int rank, int64_t microbatch, const data::Samples& samples,
                      std::optional<int64_t> epoch, Slot& slot) const {
  const dist::Range range = plan.samples_of(microbatch);
  nn::Pass pass;
  pass.samples = range.size();
  pass.columns = kernels::columns_for(pass.samples);
  pass.first_sample = static_cast<uint32_t>(range.begin);
  const int64_t first = range.begin - plan.samples_of(plan.of_rank(rank).begin).begin;
  unpacker_.unpack(samples, first, pass.samples, epoch, pass.columns, slot.workspace.input());
  return pass;
}

nn::LossSums Engine::compare(const nn::Pass& pass, int64_t first, const data::Samples& samples, Slot& slot,
                             float delta_scale, float* delta) const {
  nn::Truth truth;
  const int64_t features = model_.network.output_shape().size();
  if (model_.target == Target::kInput) {
    truth.values = slot.workspace.input();
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
                                  dist::GradientTree& tree) {
  const dist::Range mine = plan.of_rank(rank);
  std::vector<double> sums(static_cast<size_t>(mine.size() * kSumsPerMicrobatch));
  const float delta_scale = 1.0f / static_cast<float>(plan.samples());
  const auto take_leaves = [&](int64_t, int thread) {
    Slot& slot = slots_[static_cast<size_t>(thread)];
    while (const auto leaf = tree.next()) {
      nn::Pass pass = load(plan, rank, leaf->microbatch, samples, epoch, slot);
      pass.training = true;
      pass.seed = seed;
      pass.step = static_cast<uint32_t>(step);
      model_.network.fprop(pass, parameters, slot.workspace);
      const int64_t first = plan.samples_of(leaf->microbatch).begin - plan.samples_of(mine.begin).begin;
      const nn::LossSums loss =
          compare(pass, first, samples, slot, delta_scale, slot.workspace.output_delta());
      model_.network.backward(pass, parameters, slot.workspace, leaf->gradient);
      const size_t place = static_cast<size_t>((leaf->microbatch - mine.begin) * kSumsPerMicrobatch);
      sums[place] = loss.loss;
      sums[place + 1] = loss.error;
      tree.add(*leaf);
    }
  };
  workers_.for_each(std::min<int64_t>(workers_.threads(), mine.size()), [&](int64_t index, int thread) {
    try {
      take_leaves(index, thread);
    } catch (...) {
      tree.cancel();
      throw;
    }
  });
  return sums;
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
    const int64_t first = plan.samples_of(microbatch).begin - plan.samples_of(mine.begin).begin;
    const nn::LossSums loss = compare(pass, first, samples, slot, 0.0f, nullptr);
    sums[static_cast<size_t>(index * kSumsPerMicrobatch)] = loss.loss;
    sums[static_cast<size_t>(index * kSumsPerMicrobatch) + 1] = loss.error;
  });
  return sums;
}

int64_t Engine::workspace_bytes() const {
  int64_t floats = 0;
  for (const Slot& slot : slots_) floats += slot.workspace.floats() + slot.truth.size();
  return floats * static_cast<int64_t>(sizeof(float));
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
