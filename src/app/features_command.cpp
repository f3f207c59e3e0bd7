// features: from pictures to a classifier of features that were learned on patches of them, as one
// configuration.
#include <filesystem>
#include <memory>
#include <optional>

#include "commands.h"
#include "data_session.h"
#include "distinct_files.h"
#include "lockstep/analysis/features.h"
#include "lockstep/analysis/learning.h"
#include "lockstep/analysis/preparation.h"
#include "lockstep/core/error.h"
#include "lockstep/core/version.h"
#include "lockstep/data/unpack.h"
#include "lockstep/nn/sub_network.h"
#include "lockstep/train/model.h"
#include "model_session.h"
#include "session.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer features CONFIG --output F [--key value ...]";

struct Request {
  Options options;
  std::string configuration;  // the user's text
  analysis::LearningOptions learning;
  analysis::PreparationOptions preparation;
  std::string output;
};

analysis::PreparationOptions preparation_of(const Options& options) {
  analysis::PreparationOptions preparation;
  if (options.patches == "none") {
    fail_usage(options.origin("learn"), ": learn = ", options.learn,
               " needs patches to learn from; add patches =, such as patches = random 6 count=400000");
  }
  preparation.patches = analysis::patch_options(options.patches, options.origin("patches"));
  preparation.contrast = options.contrast;
  if (options.whiten != "none") {
    preparation.whitening = analysis::whitening_options(options.whiten, options.origin("whiten"));
  }
  preparation.seed = options.seed;
  return preparation;
}

Request read_request(const Context& context) {
  Request request;
  request.options = read_options(context, kUsage, request.configuration, true);
  comm::together(context.group, [&] {
    const Options& options = request.options;
    require_no_start(options, "features");
    if (options.learn == "none") {
      fail_usage(context.arguments.words[0],
                 ": it does not say what is learned; add learn =, such as learn = kmeans 400");
    }
    request.learning = analysis::learning_options(options.learn, options.origin("learn"));
    request.preparation = preparation_of(options);
    for (const char* key : {"target", "augment", "test-augment", "normalise"}) {
      if (options.origins.count(key) == 0) continue;
      fail_usage(options.origin(key), ": nothing reads ", key,
                 " here: features are of whole pictures, standardised, with their labels; take it away");
    }
    request.output = required_output(context);
    require_distinct({{"the features", request.output}, {"the checkpoint", options.checkpoint}},
                     {{"the dataset", options.dataset}, {"the configuration", context.arguments.words[0]}});
  });
  comm::require_equal(context.group, "configuration", configuration_text(request.options, true),
                      "start all ranks with the same configuration and options");
  return request;
}

// What the classifier is trained with.
Options classifier_options(const Request& request) {
  Options options = request.options;
  options.dataset = request.output;
  options.learn = options.patches = options.whiten = "none";
  options.contrast.reset();
  options.target = "labels";
  return options;
}

// What can be known to fail at the end is to fail at the beginning.
void check(const Request& request, const data::Dataset& pictures) {
  analysis::picture_shape(pictures.name, pictures.info, request.preparation.patches->size);
  if (!pictures.train || pictures.train->rows() == 0) {
    fail_usage(pictures.name, ": there are no training pictures (split /train) to learn from");
  }
  if (pictures.info.classes == 0) {
    fail_usage(pictures.name,
               ": its pictures have no labels, so there is nothing to classify; take a dataset with some");
  }
  io::DatasetInfo features = pictures.info;
  features.sample_dims = {request.learning.count, 2, 2};
  features.target_dims.clear();
  train::make_model(classifier_options(request), features);
}

// The prepared patches, a dataset beside the output for as long as this lives.
class PatchFile {
 public:
  PatchFile(comm::Group& group, const std::string& output) : group_(group), path_(output + ".patches") {}
  ~PatchFile() {
    std::error_code ignored;
    if (group_.rank() == 0) std::filesystem::remove(path_, ignored);
  }
  PatchFile(const PatchFile&) = delete;
  PatchFile& operator=(const PatchFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  comm::Group& group_;
  std::string path_;
};

// What a learner left: a code, and what that refers to.
struct Learned {
  std::unique_ptr<nn::Network> encoder;
  Buffer parameters;
  analysis::PatchCode code;
};

Learned learn_by_network(const Context& context, const Request& request, const std::string& patches) {
  Options options;
  comm::together(context.group, [&] {
    const int64_t values = Shape::from_dims(io::DatasetReader(patches).info().sample_dims).size();
    options = analysis::network_options(request.options, request.learning, values);
    options.dataset = patches;
  });
  Session session(context.group, options, configuration_text(options), context.command_line);
  session.print_start();
  {
    train::ProgressPrinter printer(context.group.rank() == 0 && train::output_is_terminal());
    const train::Outcome outcome = session.trainer().run(context.signals, &printer);
    if (outcome.stopped_by != 0) {
      comm::together(context.group, [&] {
        fail("stopped by ", train::signal_name(outcome.stopped_by),
             " while the features were learned; start again");
      });
    }
  }
  const nn::Network& network = session.trainer().model().network;
  Learned learned;
  learned.encoder = std::make_unique<nn::Network>(
      network.input_shape(), nn::lines_up_to(network, nn::code_node(network, "code")), nn::NetworkSettings{});
  learned.parameters = Buffer(learned.encoder->layout().floats());
  nn::copy_parameters(network, session.trainer().parameters(), *learned.encoder, learned.parameters.data());
  learned.code = analysis::network_code(*learned.encoder, learned.parameters.data(),
                                        request.learning.learner == analysis::Learner::kRica);
  return learned;
}

Learned learn_centres(const Context& context, const Request& request, const std::string& file) {
  Options options = request.options;
  options.dataset = file;
  DataSession session(context.group, options);
  const data::Dataset& patches = session.dataset();
  const data::Unpacker unpacker(options, patches.info);
  const analysis::Rows rows = analysis::inputs_of(session.team(), *patches.train, unpacker,
                                                  patches.shape().size(), 0, patches.train->rows());
  Learned learned;
  learned.code = analysis::triangle_code(
      analysis::learn_centres(session.team(), rows, request.learning, options.seed,
                              [&](const analysis::KMeansStep& step) { announce(context, text_of(step)); }));
  return learned;
}

void make_features(const Context& context, const Request& request) {
  DataSession session(context.group, request.options);
  const data::Dataset& pictures = session.dataset();
  comm::together(context.group, [&] { check(request, pictures); });
  const PatchFile file(context.group, request.output);
  announce(context, text("lockstep ", kVersion, ": preparing ", request.preparation.to_string(), " of ",
                         pictures.name));
  analysis::prepare_dataset(session.team(), pictures, request.preparation, file.path());
  announce(context, text("learning ", request.options.learn));
  const Learned learned = request.learning.is_network() ? learn_by_network(context, request, file.path())
                                                        : learn_centres(context, request, file.path());
  std::optional<analysis::DenseFeatures> features;
  comm::together(context.group,
                 [&] { features.emplace(pictures.info, request.preparation, file.path(), learned.code); });
  announce(context, text("encoding ", pictures.name, ": ", features->size(), " features a picture, to ",
                         request.output));
  analysis::write_features(session.team(), pictures, *features,
                           request.preparation.to_string() + "; learn " + request.options.learn,
                           request.output);
}

}  // namespace

int features_command(const Context& context) {
  const Request request = read_request(context);
  make_features(context, request);
  return train_to_the_end(context, classifier_options(request), request.configuration);
}

}  // namespace lockstep::app
