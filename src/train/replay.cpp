#include "lockstep/train/replay.h"

#include <algorithm>
#include <cstdio>

#include "lockstep/data/unpack.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::train {

namespace {

std::string row(const std::string& what, const Finding& finding) {
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, "%12ld %12ld  %10.4g%s\n", static_cast<long>(finding.values),
                static_cast<long>(finding.not_finite), static_cast<double>(finding.largest),
                finding.finite() ? "" : "  <");
  constexpr size_t kWidth = 40;
  return what + std::string(what.size() < kWidth ? kWidth - what.size() : 1, ' ') + numbers;
}

}  // namespace

Replayed replay(const FailedStep& step, const std::string& path) {
  Options options;
  apply_configuration(options, step.resolved, path + ":/config/resolved");
  Replayed replayed{make_model(options, step.info), {}};
  const Model& model = replayed.model;
  const ParameterLayout& layout = model.network.layout();
  require_same_network(step.layout, layout, model.network.input_shape(), path);
  const data::Unpacker unpacker(options, step.info);
  parallel::Workers workers(1, kernels::use_one_thread);
  Engine engine(model, unpacker, workers, step.place.microbatch_size, 1);
  const EnginePlan& plan = engine.plan();
  const dist::Plan alone(step.place.microbatch_size, step.place.microbatch_size, 1);
  dist::GradientTree tree(layout.learned_floats(),
                          dist::GradientTree::buffers_needed(plan.branches(), alone, 0, plan.width),
                          plan.width);
  const data::Samples samples = data::samples_of(step.rows, step.indices, step.info);
  replayed.found = examine(model, engine, tree, step.place, samples, options.seed, step.parameters.data());
  return replayed;
}

std::string replay_table(const Replayed& replayed) {
  const auto& nodes = replayed.model.network.nodes();
  const auto& parameters = replayed.model.network.layout().parameters();
  const Examination& found = replayed.found;
  std::string table = std::string(40, ' ') + "      values   not finite     largest\n";
  // Of each layer its own, in the order of its layer, whatever that of the layout.
  const auto add_own = [&](const std::string& layer, const char* kind, const auto& finding_of) {
    for (size_t p = 0; p < parameters.size(); ++p) {
      if (parameters[p].layer != layer) continue;
      if (const std::optional<Finding> finding = finding_of(p))
        table += row(layer + " " + parameters[p].name + kind, *finding);
    }
  };
  for (const nn::Node& node : nodes)
    add_own(node.name, "", [&](size_t p) { return std::optional(found.parameters[p]); });
  table += row("input", found.input);
  for (size_t i = 0; i < nodes.size(); ++i) table += row(nodes[i].name + " output", found.layers[i].output);
  for (size_t i = nodes.size(); i-- > 0;) {
    if (found.layers[i].delta) table += row(nodes[i].name + " output's derivative", *found.layers[i].delta);
    add_own(nodes[i].name, " gradient", [&](size_t p) { return found.gradients[p]; });
  }
  return table;
}

}  // namespace lockstep::train
