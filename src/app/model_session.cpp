#include "model_session.h"

#include "lockstep/comm/agreed_error.h"
#include "lockstep/comm/placement.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/train/evaluate.h"
#include "lockstep/train/memory.h"

namespace lockstep::app {

Options options_of(const train::Checkpoint& checkpoint, const Context& context, const std::string& path) {
  Options options;
  apply_configuration(options, checkpoint.resolved, path + ":/config/resolved");
  options.checkpoint = path;
  options.threads = 0;  // what was a fair share there need not be one here
  apply_settings(options, context.arguments, command_keys());
  return options;
}

train::Checkpoint read_together(const Context& context, const std::string& path) {
  train::Checkpoint checkpoint;
  comm::together(context.group, [&] { checkpoint = train::read_checkpoint(path); });
  comm::require_equal(context.group, "checkpoint", checkpoint.parameters_digest,
                      "let all ranks see the same file under " + path);
  return checkpoint;
}

ModelSession::ModelSession(const Context& context, const std::string& path, const std::string& dataset)
    : group_(context.group), checkpoint_(read_together(context, path)) {
  comm::together(group_, [&] {
    options_ = options_of(checkpoint_, context, path);
    if (!dataset.empty()) options_.dataset = dataset;
  });
  const auto placements = comm::placements(group_);
  const comm::Placement& here = placements[static_cast<size_t>(group_.rank())];
  dataset_ = data::open_dataset(options_, group_, here.ranks_on_host);
  comm::require_equal(group_, "dataset", dataset_.digest + " " + dataset_.shape().to_string(),
                      "let all ranks see the same file under " + options_.dataset);
  comm::together(group_, [&] {
    model_ = std::make_unique<train::Model>(train::make_model(options_, dataset_.info));
    const nn::Network& network = model_->network;
    train::require_same_network(checkpoint_.layout, network.layout(), network.input_shape(), path);
    options_ = data::with_statistics(options_, dataset_);
    unpacker_ = std::make_unique<data::Unpacker>(options_, dataset_.info);
    const int threads = options_.threads > 0 ? static_cast<int>(options_.threads) : here.fair_threads;
    workers_ = std::make_unique<parallel::Workers>(threads, kernels::use_one_thread);
  });
}

train::Score ModelSession::score(const data::Split& split) {
  const int64_t microbatch = train::Cut(options_, dataset_).microbatch;
  std::unique_ptr<train::Engine> engine;
  comm::together(
      group_, [&] { engine = std::make_unique<train::Engine>(*model_, *unpacker_, *workers_, microbatch); });
  return train::evaluate(*engine, *model_, group_, microbatch, split, parameters());
}

const data::Split& ModelSession::split(const std::string& name) const {
  std::string known;
  for (const auto& [split, data] :
       {std::pair{"train", dataset_.train.get()}, std::pair{"validation", dataset_.validation.get()},
        std::pair{"test", dataset_.test.get()}}) {
    if (data == nullptr) continue;
    if (name == split) return *data;
    known += (known.empty() ? "" : ", ") + std::string(split);
  }
  fail_usage(dataset_.name, ": there is no split '", name, "'; the dataset has ", known);
}

}  // namespace lockstep::app
