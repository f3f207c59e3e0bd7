#include "lockstep/train/evaluate.h"

#include <algorithm>

#include "lockstep/data/loader.h"
#include "lockstep/dist/tree.h"

namespace lockstep::train {

ScoredSplit scored_split(const data::Dataset& dataset) {
  if (dataset.test) return {"test", *dataset.test};
  if (dataset.validation) return {"validation", *dataset.validation};
  return {"train", *dataset.train};
}

Score evaluate(Engine& engine, const Model& model, comm::Group& group, int64_t microbatch,
               const data::Split& split, const float* parameters,
               const std::function<void(const char* doing)>& at) {
  // Sets are as large as the configuration and the dataset say, never the ranks: the order of sums depends on
  // them.
  constexpr int64_t kSetBytes = int64_t{64} << 20;
  const int64_t microbatch_bytes =
      microbatch * model.network.input_shape().size() * static_cast<int64_t>(sizeof(float));
  const int64_t set = microbatch * std::clamp<int64_t>(kSetBytes / microbatch_bytes, 16, 256);
  const int64_t sets = (split.rows() + set - 1) / set;
  const auto plan_of_set = [&](int64_t k) {
    return dist::Plan(std::min(set, split.rows() - k * set), microbatch, group.size());
  };
  data::Loader loader(split, 0, sets, [&](int64_t k) {
    const dist::Plan plan = plan_of_set(k);
    const dist::Range mine = plan.of_rank(group.rank());
    std::vector<int64_t> indices;
    if (mine.size() == 0) return indices;
    const int64_t end = plan.samples_of(mine.end - 1).end;
    for (int64_t i = plan.samples_of(mine.begin).begin; i < end; ++i) indices.push_back(k * set + i);
    return indices;
  });
  Sums sums;
  for (int64_t k = 0; k < sets; ++k) {
    const dist::Plan plan = plan_of_set(k);
    std::vector<double> mine;
    at("evaluates");
    comm::together(group, [&] {
      const data::Samples samples = loader.next();
      mine = engine.evaluate(plan, group.rank(), samples, parameters);
      at("waits for the other ranks' part of the evaluation");
    });
    const auto all = gather_sums(group, plan, mine);
    const auto total = dist::sum_leaves(all, kSumsPerMicrobatch);
    sums.add(static_cast<double>(plan.samples()), total[0], total[1]);
  }
  return sums.mean();
}

}  // namespace lockstep::train
