#include "model_session.h"

#include "lockstep/comm/group.h"
#include "lockstep/core/error.h"
#include "lockstep/train/evaluate.h"
#include "lockstep/train/memory.h"

namespace lockstep::app {

Options options_of(const train::Checkpoint& checkpoint, const Context& context, const std::string& path) {
  Options options;
  apply_configuration(options, checkpoint.resolved, path + ":/config/resolved");
  const std::string recorded = options.start_from;
  options.checkpoint = path;
  options.threads = 0;  // what was a fair share there need not be one here
  // Of the run's beginning, which was long ago.
  options.start_from.clear();
  apply_settings(options, context.arguments, command_keys());
  if (!options.start_from.empty() || !options.stack_on.empty()) {
    fail_usage(
        "the command line: nothing reads start-from and stack-on here, since the parameters are those of ",
        path, "; they are for 'trainer train'");
  }
  options.start_from = recorded;
  return options;
}

void require_no_start(const Options& options, const std::string& command) {
  for (const auto& [key, value] :
       {std::pair{"start-from", options.start_from}, {"stack-on", options.stack_on}}) {
    if (value.empty()) continue;
    fail_usage(options.origin(key), ": nothing reads ", key, " = ", value, " in 'trainer ", command,
               "', which trains from the beginning; take it away");
  }
}

train::Checkpoint read_together(comm::Group& group, const std::string& path) {
  train::Checkpoint checkpoint;
  comm::together(group, [&] { checkpoint = train::read_checkpoint(path); });
  comm::require_equal(group, "checkpoint", checkpoint.parameters_digest,
                      "let all ranks see the same file under " + path);
  return checkpoint;
}

namespace {

// What the network itself says of samples of another width does not tell that it is the samples.
train::Model fitting_model(const Options& options, const data::Dataset& dataset, const std::string& path,
                           const std::string& asked) {
  try {
    return train::make_model(options, dataset.info);
  } catch (const Error& error) {
    if (asked.empty()) throw;
    fail_usage(asked, ": its samples of ", dataset.shape().to_string(), " do not fit the network of ", path,
               "; take a dataset like the one that it was trained on (", error.what(), ")");
  }
}

}  // namespace

ModelSession::ModelSession(const Context& context, const std::string& path, const std::string& dataset)
    : group_(context.group), checkpoint_(read_together(context.group, path)) {
  comm::together(group_, [&] {
    options_ = options_of(checkpoint_, context, path);
    if (!dataset.empty()) options_.dataset = dataset;
  });
  data_ = std::make_unique<DataSession>(group_, options_);
  comm::together(group_, [&] {
    model_ = std::make_unique<train::Model>(fitting_model(options_, data_->dataset(), path, dataset));
    const nn::Network& network = model_->network;
    train::require_same_network(checkpoint_.layout, network.layout(), network.input_shape(), path);
    options_ = data::with_statistics(options_, data_->dataset());
    unpacker_ = std::make_unique<data::Unpacker>(options_, data_->dataset().info);
  });
}

train::Score ModelSession::score(const data::Split& split) {
  const int64_t microbatch = train::Cut(options_, dataset()).microbatch;
  std::unique_ptr<train::Engine> engine;
  comm::together(group_, [&] {
    engine = std::make_unique<train::Engine>(*model_, *unpacker_, team().workers, microbatch);
  });
  return train::evaluate(*engine, *model_, group_, microbatch, split, parameters());
}

const data::Split& ModelSession::split(const std::string& name) const { return data_->split(name); }

}  // namespace lockstep::app
