#include "model_session.h"

#include "lockstep/comm/group.h"
#include "lockstep/core/error.h"
#include "lockstep/train/evaluate.h"
#include "lockstep/train/memory.h"

namespace lockstep::app {

Options options_of(const train::Checkpoint& checkpoint, const Context& context, const std::string& path) {
  Options options;
  apply_configuration(options, checkpoint.resolved, path + ":/config/resolved");
  options.checkpoint = path;
  options.threads = 0;  // what was a fair share there need not be one here
  for (const char* key : {"start-from", "stack-on"}) {
    if (!was_given(context, key)) continue;
    fail_usage("the command line: nothing reads ", key, " here, since the parameters are those of ", path,
               "; it is for 'trainer train'");
  }
  apply_settings(options, context.arguments, command_keys());
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

// What a network says of samples of another width, such as that tied weights do not fit, does not tell that
// it is the samples.
void require_fitting_samples(const Options& options, const Shape& samples,
                             const train::Checkpoint& checkpoint, const std::string& path) {
  try {
    const nn::Network network(samples, options.layers, train::network_settings(options));
    train::require_same_network(checkpoint.layout, network.layout(), samples, path);
  } catch (const Error& error) {
    fail_usage(options.dataset, ": its samples of ", samples.to_string(), " do not fit the network of ", path,
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
    if (!dataset.empty()) require_fitting_samples(options_, data_->dataset().shape(), checkpoint_, path);
    model_ = std::make_unique<train::Model>(train::make_model(options_, data_->dataset().info));
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
    engine = std::make_unique<train::Engine>(*model_, *unpacker_, team().workers, microbatch, 1);
  });
  return train::evaluate(*engine, *model_, group_, microbatch, split, parameters());
}

const data::Split& ModelSession::split(const std::string& name) const { return data_->split(name); }

}  // namespace lockstep::app
