// pca: what the best linear code of so many components loses.
#include <cstdio>
#include <numeric>
#include <utility>

#include "commands.h"
#include "data_session.h"
#include "distinct_files.h"
#include "lockstep/analysis/pca.h"
#include "lockstep/comm/group.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer pca DATASET [--components K] [--output F]";

struct Request {
  Options options;
  int64_t components = 0;
  std::string output;  // may be empty
};

Request read_request(const Context& context) {
  require_words(context, 1, 1, kUsage);
  require_run_options(context, {"threads", "seed", "in-memory", "generate-train", "generate-test"}, kUsage);
  Request request;
  apply_settings(request.options, context.arguments, command_keys());
  request.options.dataset = context.arguments.words[0];
  request.components = whole_setting(context, "components", 1, int64_t{1} << 24, 30);
  request.output = setting(context, "output", "");
  require_distinct({{"the components", request.output}}, {{"the dataset", request.options.dataset}});
  if (!request.output.empty() && context.group.rank() == 0) io::Replacement probe(request.output);
  return request;
}

void check(const data::Dataset& dataset, int64_t components) {
  if (!dataset.train) {
    fail_usage(dataset.name, ": components are fitted on the training samples, and there is no split /train");
  }
  const int64_t width = dataset.shape().size();
  if (components <= width) return;
  fail_usage("the command line: components = ", components, " cannot be used: the samples of ", dataset.name,
             " have ", width, " values; expected a whole number from 1 to ", width);
}

// datasets/README.md describes it.
void write_components(const std::string& path, const std::vector<double>& mean,
                      const kernels::SymmetricEigen& principal, int64_t components) {
  const int64_t width = static_cast<int64_t>(mean.size());
  io::Replacement replacement(path);
  io::File file = io::File::create(replacement.path());
  file.set_attribute("/", "format", std::string_view("lockstep-pca"));
  file.set_attribute("/", "version", int64_t{1});
  file.write("/mean", io::Type::kFloat64, {width}, mean.data());
  file.write("/eigenvalues", io::Type::kFloat64, {width}, principal.values.data());
  file.write("/components", io::Type::kFloat64, {components, width}, principal.vectors.data());
  file.close();
  replacement.commit();
}

// Where the error is measured: as for trained networks.
std::pair<const char*, const data::Split*> measured(const data::Dataset& dataset) {
  if (dataset.test) return {"test", dataset.test.get()};
  if (dataset.validation) return {"validation", dataset.validation.get()};
  return {"train", dataset.train.get()};
}

// Collective.
analysis::Statistics training_statistics(const analysis::Team& team, const data::Dataset& dataset) {
  const analysis::SampleSource train(*dataset.train, dataset.info);
  return analysis::statistics_of(
      team, train.count(), train.width(),
      [&](int64_t first, int64_t count, float* rows) { train.read(team.workers, first, count, rows); });
}

}  // namespace

int pca_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] { request = read_request(context); });
  DataSession session(context.group, request.options);
  const data::Dataset& dataset = session.dataset();
  comm::together(context.group, [&] { check(dataset, request.components); });
  const analysis::Statistics statistics = training_statistics(session.team(), dataset);
  kernels::SymmetricEigen principal;
  comm::together(context.group, [&] { principal = analysis::principal_components(statistics); });
  const auto [name, split] = measured(dataset);
  const double error =
      analysis::projection_error(session.team(), analysis::SampleSource(*split, dataset.info),
                                 statistics.mean, principal.vectors, request.components);
  return on_first_rank(context, [&, name = name] {
    if (!request.output.empty())
      write_components(request.output, statistics.mean, principal, request.components);
    const auto values = principal.values.begin();
    const double discarded = std::accumulate(values + request.components, principal.values.end(), 0.0);
    const double total = std::accumulate(values, principal.values.end(), 0.0);
    std::printf("pca %ld: %s squared-error %.4f discarded-eigenvalues %.4f of %.4f\n",
                static_cast<long>(request.components), name, error, discarded, total);
    return 0;
  });
}

}  // namespace lockstep::app
