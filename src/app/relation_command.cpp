// relation: an autoencoder's decoder predicted from its encoder by the covariance of the data.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "autoencoder_session.h"
#include "commands.h"
#include "distinct_files.h"
#include "lockstep/analysis/image.h"
#include "lockstep/analysis/relation.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"
#include "lockstep/train/evaluate.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer relation CHECKPOINT [DATASET] --output F.png";

struct Request {
  std::string checkpoint;
  std::string dataset;  // may be empty
  std::string output;
  std::string numbers;     // an HDF5 file; may be empty
  int64_t components = 0;  // 0: all
};

Request read_request(const Context& context) {
  require_words(context, 1, 2, kUsage);
  require_run_options(context, {"threads", "seed", "in-memory"}, kUsage);
  const auto& words = context.arguments.words;
  return {words[0], words.size() > 1 ? words[1] : "", required_output(context, "relation.png"),
          setting(context, "numbers", ""), whole_setting(context, "components", 1, int64_t{1} << 24, 0)};
}

void check_files(const Context& context, const Request& request, const std::string& dataset) {
  require_distinct({{"the picture", request.output}, {"the residuals", request.numbers}},
                   {{"the checkpoint", request.checkpoint}, {"the dataset", dataset}});
  require_ending({"the picture", request.output}, ".png");
  if (context.group.rank() != 0) return;
  for (const std::string& path : {request.output, request.numbers}) {
    if (!path.empty()) io::Replacement probe(path);
  }
}

// The units' filters where the samples are, with the covariance of the training samples; of a dataset that
// was whitened, those on what it was made of. Collective.
analysis::Relation relate(AutoencoderSession& session, int64_t asked) {
  analysis::Relation relation;
  kernels::SymmetricEigen covariance;
  std::optional<analysis::Prepared> prepared;
  const data::Dataset& dataset = session.dataset();
  comm::together(session.team().group, [&] {
    if (!session.reconstruction().exact()) {
      fail_usage(
          "the network has other layers than dense ones, one behind the other; the relation of encoder and "
          "decoder is that of their two matrices");
    }
    relation.filters = analysis::filters_of(session.reconstruction().chain());
    relation.shape = session.network().input_shape();
    if (std::filesystem::exists(session.options().dataset)) {
      prepared = analysis::preparation_of(session.options().dataset);
    }
  });
  if (prepared && session.options().normalise == "none") {
    comm::together(session.team().group, [&] {
      const analysis::Whitening& whitening = prepared->whitening;
      covariance = {whitening.eigenvalues(), whitening.eigenvectors()};
      relation.filters = analysis::unwhitened(relation.filters, whitening);
      relation.shape = prepared->shape;
      relation.epsilon = whitening.options().epsilon;
      relation.components = whitening.components();
      relation.data = text("what ", dataset.name, " was whitened by");
    });
  } else {
    const std::string split = dataset.train ? "train" : train::scored_split(dataset).name;
    const analysis::Statistics statistics = session.statistics(split);
    comm::together(session.team().group, [&] { covariance = analysis::principal_components(statistics); });
    relation.components = statistics.width;
    relation.data = text(statistics.count, " samples of the ", split, " split");
  }
  comm::together(session.team().group, [&] {
    if (asked > relation.components) {
      fail_usage("the command line: components = ", asked, " cannot be used: the covariance has ",
                 relation.components, "; expected a whole number from 1 to ", relation.components);
    }
    if (asked > 0) relation.components = asked;
    const analysis::FilterPair& filters = relation.filters;
    relation.covariance =
        analysis::fit(filters.decoder,
                      analysis::smoothed(filters.encoder, covariance, relation.components, relation.epsilon));
    relation.alone = analysis::fit(filters.decoder, filters.encoder);
  });
  return relation;
}

void write_files(const Request& request, const analysis::Relation& relation) {
  io::replace_file(request.output, analysis::draw_relation(relation).png(), "the picture");
  if (request.numbers.empty()) return;
  io::Replacement replacement(request.numbers);
  io::File file = io::File::create(replacement.path());
  analysis::write_relation(relation, file);
  file.close();
  replacement.commit();
}

}  // namespace

int relation_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] { request = read_request(context); });
  AutoencoderSession session(context, request.checkpoint, request.dataset);
  comm::together(context.group, [&] { check_files(context, request, session.options().dataset); });
  const analysis::Relation relation = relate(session, request.components);
  return on_first_rank(context, [&] {
    write_files(request, relation);
    std::printf("%s", analysis::relation_text(relation).c_str());
    return 0;
  });
}

}  // namespace lockstep::app
