// energy: that of every sample, under a trained autoencoder.
#include <cstdio>
#include <optional>

#include "autoencoder_session.h"
#include "commands.h"
#include "distinct_files.h"
#include "lockstep/analysis/sample_energies.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage =
    "trainer energy CHECKPOINT [DATASET] [--output F] [--split test] [--start mean]";

struct Request {
  std::string checkpoint;
  std::string dataset;  // empty: the checkpoint's
  std::string output;   // empty: statistics only
  std::string split;    // empty: all
  bool from_mean = true;
};

Request read_request(const Context& context) {
  require_words(context, 1, 2, kUsage);
  require_run_options(context, {"threads", "in-memory", "generate-train", "generate-test", "seed"}, kUsage);
  const auto& words = context.arguments.words;
  const std::string start = setting(context, "start", "mean");
  if (start != "mean" && start != "zero") {
    fail_usage("the command line: start = ", start, " cannot be used; expected mean or zero");
  }
  return {words[0], words.size() > 1 ? words[1] : "", setting(context, "output", ""),
          setting(context, "split", ""), start == "mean"};
}

std::vector<data::NamedSplit> chosen_splits(const Request& request, const ModelSession& session) {
  if (request.split.empty()) return data::splits_of(session.dataset());
  return {{request.split, &session.split(request.split)}};
}

// Where line integrals begin.
analysis::Point start_of(AutoencoderSession& session, const Request& request) {
  if (!request.from_mean) return {};
  const data::Split& split = *data::splits_of(session.dataset()).front().split;
  return analysis::mean_sample(session.team(), split, session.unpacker(), session.reconstruction().width());
}

void warn_of_paths(const analysis::PathDependence& path, const std::string& start, int64_t samples,
                   const analysis::EnergyGroup& all) {
  if (!path.matters) return;
  std::fprintf(
      stderr,
      "trainer: warning: these energies depend on the path: the weights are not tied, or not of one hidden "
      "layer, or the output is not linear or a sigmoid, and the curl |J - J^T| / |J| is %.3g. They are "
      "integrals along straight lines from %s; along "
      "another path they differ by %.3g (root mean square, %ld samples), where the energies' deviation is "
      "%.3g\n",
      path.curl, start.c_str(), path.difference, static_cast<long>(samples), all.deviation);
}

void print(const std::vector<analysis::SplitEnergies>& splits) {
  std::printf("%-10s %6s %8s %14s %12s %14s %14s\n", "split", "class", "samples", "mean", "deviation",
              "lowest", "highest");
  for (const analysis::SplitEnergies& split : splits) {
    for (const analysis::EnergyGroup& group : analysis::groups_of(split)) {
      std::printf("%-10s %6s %8ld %14.8g %12.6g %14.8g %14.8g\n", split.split.c_str(),
                  group.label < 0 ? "all" : text(group.label).c_str(), static_cast<long>(group.count),
                  group.mean, group.deviation, group.lowest, group.highest);
    }
  }
}

}  // namespace

int energy_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] { request = read_request(context); });
  AutoencoderSession session(context, request.checkpoint, request.dataset);
  std::vector<data::NamedSplit> chosen;
  std::optional<analysis::Energy> energy;
  comm::together(context.group, [&] {
    require_distinct({{"the file of energies", request.output}},
                     {{"the checkpoint", request.checkpoint}, {"the dataset", session.options().dataset}});
    if (context.group.rank() == 0 && !request.output.empty()) io::Replacement probe(request.output);
    chosen = chosen_splits(request, session);
    energy.emplace(session.energy({}));
  });
  const analysis::Team team = session.team();
  analysis::EnergyRecord record{session.checkpoint().parameters_digest, session.dataset().name,
                                session.dataset().digest, std::nullopt};
  int64_t path_samples = 0;
  if (!energy->closed()) {
    analysis::Point start = start_of(session, request);
    comm::together(context.group, [&] { energy.emplace(session.energy(std::move(start))); });
    path_samples = std::min(analysis::kPathSamples, chosen.back().split->rows());
    record.path =
        analysis::path_dependence(team, *energy,
                                  analysis::inputs_of(team, *chosen.back().split, session.unpacker(),
                                                      energy->width(), 0, path_samples));
  }
  std::vector<analysis::SplitEnergies> splits;
  for (const data::NamedSplit& split : chosen) {
    splits.push_back(analysis::sample_energies(team, *energy, split, session.unpacker()));
  }
  return on_first_rank(context, [&] {
    if (!request.output.empty()) analysis::write_energies(request.output, *energy, splits, record);
    std::printf("energy: %s\n", energy->description().c_str());
    print(splits);
    if (record.path) {
      warn_of_paths(*record.path, request.from_mean ? "the mean of the first split" : "0", path_samples,
                    analysis::groups_of(splits.back())[0]);
    }
    return 0;
  });
}

}  // namespace lockstep::app
