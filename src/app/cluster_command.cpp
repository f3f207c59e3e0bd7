// cluster: batch K-means, kept as the network that it is.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "commands.h"
#include "data_session.h"
#include "distinct_files.h"
#include "lockstep/analysis/kmeans.h"
#include "lockstep/core/error.h"
#include "lockstep/core/version.h"
#include "lockstep/data/preprocessing.h"
#include "lockstep/data/unpack.h"
#include "lockstep/io/replace.h"
#include "lockstep/train/checkpoint.h"
#include "lockstep/train/memory.h"
#include "lockstep/train/model.h"
#include "lockstep/train/provenance.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer cluster DATASET --centres K --output CHECKPOINT [--iterations N]";
constexpr int64_t kMostCentres = 1 << 24;  // of a layer

struct Request {
  Options options;
  int64_t centres = 0;
  int64_t iterations = 0;
  std::string output;
};

Request read_request(const Context& context) {
  require_words(context, 1, 1, kUsage);
  Request request;
  Options& options = request.options;
  apply_settings(options, context.arguments, command_keys());
  for (const char* key :
       {"dataset", "target", "augment", "test-augment", "loss", "epochs", "steps", "checkpoint"}) {
    if (was_given(context, key)) {
      fail_usage("the command line: 'cluster' takes no option --", key, "; usage: ", kUsage);
    }
  }
  if (!options.layers.empty()) {
    fail_usage("the command line: 'cluster' makes the layers itself; take --layer away, or train by SGD");
  }
  if (!was_given(context, "centres")) {
    fail_usage(
        "the command line: how many centres there are to be is missing; add --centres K, such as --centres "
        "100");
  }
  request.centres = whole_setting(context, "centres", 1, kMostCentres, 1);
  request.iterations = whole_setting(context, "iterations", 0, 1 << 20, 100);
  request.output = required_output(context);
  options.dataset = context.arguments.words[0];
  require_distinct({{"the checkpoint", request.output}}, {{"the dataset", options.dataset}});
  if (context.group.rank() == 0) io::Replacement probe(request.output);
  return request;
}

// K-means as an autoencoder for samples of so many values, whose training goes on by SGD.
void describe_network(int64_t centres, int64_t values, Options& options) {
  const auto add = [&](const std::string& line) { options.layers.push_back({line, "trainer cluster"}); };
  add(text("centres ", centres, " name=centres"));
  add("winner name=code");
  add(text("linear ", values, " tied=centres bias=no"));
  options.target = "input";
  options.loss = "squared";
}

// Lloyd's iterations count as epochs: each sees every sample once.
train::Checkpoint checkpoint_of(const analysis::KMeans& found, Options options,
                                const data::Dataset& dataset) {
  const int64_t iterations = static_cast<int64_t>(found.inertia.size()) - 1;
  const data::Order order = train::Cut(options, dataset).order;
  const double samples = static_cast<double>(dataset.train->rows());
  options.epochs = iterations;
  train::Checkpoint checkpoint;
  checkpoint.configuration = checkpoint.resolved = configuration_text(options);
  checkpoint.layout = train::make_model(options, dataset.info).network.layout();
  checkpoint.parameters = Buffer(checkpoint.layout.floats());
  std::copy(found.centres.begin(), found.centres.end(),
            checkpoint.parameters.data() + checkpoint.layout.parameters()[0].offset);
  checkpoint.state.step = order.first_step_of(iterations);
  checkpoint.state.epoch = iterations;
  checkpoint.state.seed = options.seed;
  checkpoint.state.finished = iterations > 0;
  checkpoint.history = train::new_history();
  for (int64_t i = 1; i <= iterations; ++i) {
    const double mean = found.inertia[static_cast<size_t>(i)] / samples;
    train::add_row(checkpoint.history, order.first_step_of(i), static_cast<double>(i), 0, {mean / 2, mean},
                   {});
  }
  checkpoint.parameters_digest = checkpoint.layout.digest(checkpoint.parameters.data());
  return checkpoint;
}

void print_end(const analysis::KMeans& found, int64_t samples, const std::string& digest) {
  std::printf("inertia %.12g after %ld iterations (%s), %.6g a sample\ndigest %s\n", found.inertia.back(),
              static_cast<long>(found.inertia.size()) - 1,
              found.converged ? "no further one lowers it" : "as many as were asked for",
              found.inertia.back() / static_cast<double>(samples), digest.c_str());
}

}  // namespace

int cluster_command(const Context& context) {
  comm::Group& group = context.group;
  Request request;
  comm::together(group, [&] { request = read_request(context); });
  DataSession session(group, request.options);
  const data::Dataset& dataset = session.dataset();
  const int64_t width = dataset.shape().size();
  std::optional<data::Unpacker> unpacker;
  comm::together(group, [&] {
    session.split("train");
    request.options = data::with_statistics(request.options, dataset);
    describe_network(request.centres, width, request.options);
    unpacker.emplace(request.options, dataset.info);
  });
  const data::Split& train = *dataset.train;
  const analysis::Team team = session.team();
  announce(context, text("lockstep ", kVersion, ": ", request.centres, " centres of ", width, " values, ",
                         train.rows(), " samples of ", dataset.name, ", ", group.size(), " ranks x ",
                         team.workers.threads(), " threads"));
  const analysis::Rows samples = analysis::inputs_of(team, train, *unpacker, width, 0, train.rows());
  std::vector<float> start = analysis::spread_centres(team, samples, request.centres, request.options.seed);
  const analysis::KMeans found =
      analysis::k_means(team, samples, std::move(start), request.iterations,
                        [&](const analysis::KMeansStep& step) { announce(context, text_of(step)); });
  comm::together(group, [&] {
    train::Checkpoint checkpoint = checkpoint_of(found, request.options, dataset);
    checkpoint.provenance = train::provenance_of(group, session.placements()[0], team.workers.threads(),
                                                 dataset, context.command_line);
    if (group.rank() != 0) return;
    train::write_checkpoint(request.output, checkpoint);
    print_end(found, train.rows(), checkpoint.parameters_digest);
  });
  return 0;
}

}  // namespace lockstep::app
