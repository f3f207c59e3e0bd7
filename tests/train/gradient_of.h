// The gradient and the sums of one minibatch, for any cut into microbatches and any number of threads.
#pragma once

#include <vector>

#include "lockstep/dist/reducer.h"
#include "lockstep/dist/tree.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/train/engine.h"

namespace lockstep::train {

struct GradientOf {
  std::vector<float> gradient;
  std::vector<double> sums;  // loss, error

  GradientOf(const Model& model, const data::Dataset& dataset, const std::vector<int64_t>& indices,
             const float* parameters, int64_t microbatch, int threads, int64_t step = 0) {
    const int64_t floats = model.network.layout().floats();
    const auto group = comm::group_of_one();
    parallel::Workers workers(threads, kernels::use_one_thread);
    const dist::Plan plan(static_cast<int64_t>(indices.size()), microbatch, 1);
    const data::Unpacker unpacker(Options(), dataset.info);
    Engine engine(model, unpacker, workers, microbatch, plan.microbatches());
    dist::MinibatchSums minibatch_sums(*group, workers, model.network.sums_of_a_step());
    minibatch_sums.begin(plan);
    const int64_t width = engine.plan().width;
    dist::GradientTree tree(
        floats, dist::GradientTree::buffers_needed(engine.plan().branches(), plan, 0, width), width);
    const auto reducer = dist::make_reducer("ordered", *group, workers, floats, floats);
    reducer->share(tree);
    tree.begin(plan, 0);
    reducer->begin(tree, plan);
    const data::Samples samples = dataset.train->fetch(indices);
    sums = dist::sum_leaves(engine.train(
                                plan, 0, samples, 1, 0, step, parameters, tree, [&] { reducer->advance(); },
                                nullptr, nullptr, &minibatch_sums),
                            kSumsPerMicrobatch);
    gradient.resize(static_cast<size_t>(floats));
    reducer->finish(
        [&](dist::Range range, const float* sum) {
          std::copy_n(sum, range.size(), &gradient[static_cast<size_t>(range.begin)]);
        },
        nullptr);
  }
};

}  // namespace lockstep::train
