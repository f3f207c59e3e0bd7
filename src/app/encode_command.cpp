// encode and reconstruct: what a trained network makes of a dataset, as a dataset.
#include <cmath>
#include <cstdio>

#include "autoencoder_session.h"
#include "commands.h"
#include "distinct_files.h"
#include "lockstep/analysis/encode.h"
#include "lockstep/core/error.h"
#include "lockstep/nn/sub_network.h"
#include "model_session.h"

namespace lockstep::app {

namespace {

struct Request {
  std::string checkpoint;
  std::string dataset;  // empty: the checkpoint's
  std::string output;
};

Request read_request(const Context& context, const std::string& usage) {
  require_words(context, 1, 2, usage);
  require_run_options(
      context, {"threads", "in-memory", "generate-train", "generate-test", "seed", "test-augment"}, usage);
  const auto& words = context.arguments.words;
  return {words[0], words.size() > 1 ? words[1] : "", required_output(context)};
}

void check_files(const Request& request, const ModelSession& session) {
  require_distinct({{"the new dataset", request.output}},
                   {{"the checkpoint", request.checkpoint}, {"the dataset", session.options().dataset}});
}

// What the new dataset says it is.
std::string source_text(const std::string& what, const ModelSession& session) {
  return what + " of the network " + session.checkpoint().parameters_digest;
}

std::string nats_text(double nats) { return std::isfinite(nats) ? text(nats) : "infinite"; }

void print(const analysis::EncodedSplit& encoded) {
  const analysis::CodeStatistics& code = encoded.code;
  std::printf("%-10s %8ld codes: active %.2f %%, mean %.6g, silent units %ld, distinct patterns %ld\n",
              encoded.split.c_str(), static_cast<long>(code.samples), 100 * code.active, code.mean,
              static_cast<long>(code.silent), static_cast<long>(code.distinct));
  std::printf("%-10s total correlation in nats: of the patterns %s; as of a Gaussian %s\n", "",
              nats_text(code.pattern_correlation).c_str(),
              code.gaussian_correlation
                  ? nats_text(*code.gaussian_correlation).c_str()
                  : text("not computed of more than ", analysis::kMostCorrelated, " units").c_str());
}

}  // namespace

int encode_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] {
    request = read_request(context, "trainer encode CHECKPOINT [DATASET] --output F [--code NAME]");
  });
  ModelSession session(context, request.checkpoint, request.dataset);
  std::unique_ptr<nn::SubNetwork> encoder;
  const nn::Node* code = nullptr;
  analysis::Activity activity;
  comm::together(context.group, [&] {
    check_files(request, session);
    const int node = nn::code_node(session.network(), setting(context, "code", ""));
    if (node < 0) {
      fail_usage("the layer '", setting(context, "code", ""),
                 "' passes its input on once training is over, so its code would be the samples themselves; "
                 "expected a "
                 "layer behind it");
    }
    code = &session.network().nodes()[static_cast<size_t>(node)];
    activity = analysis::activity_of(session.network(), node);
    encoder = std::make_unique<nn::SubNetwork>(nn::sub_network(
        session.network(), train::network_settings(session.options()), session.parameters(), node));
  });
  const auto encoded = analysis::encode_dataset(
      session.team(), {session.dataset(), session.unpacker(), encoder->network, encoder->parameters.data()},
      activity, source_text("codes at layer " + code->name, session), request.output);
  return on_first_rank(context, [&] {
    std::printf("code: layer %s (%s), %s units, active where %s %g\n", code->name.c_str(), code->line.c_str(),
                code->layer->output_shape().to_string().c_str(),
                activity.magnitude ? "the magnitude is above" : "above", static_cast<double>(activity.above));
    for (const analysis::EncodedSplit& split : encoded) print(split);
    inspect_dataset(request.output);
    return 0;
  });
}

int reconstruct_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] {
    request = read_request(context, "trainer reconstruct CHECKPOINT [DATASET] --output F");
  });
  AutoencoderSession session(context, request.checkpoint, request.dataset);
  comm::together(context.group, [&] { check_files(request, session); });
  const auto reconstructed = analysis::reconstruct_dataset(
      session.team(), {session.dataset(), session.unpacker(), session.network(), session.parameters()},
      session.sigmoid_on_top(), source_text("reconstructions", session), request.output);
  return on_first_rank(context, [&] {
    for (const analysis::ReconstructedSplit& split : reconstructed) {
      std::printf("%-10s %8ld samples: squared error %.6g a sample\n", split.split.c_str(),
                  static_cast<long>(split.samples), split.squared_error);
    }
    inspect_dataset(request.output);
    return 0;
  });
}

}  // namespace lockstep::app
