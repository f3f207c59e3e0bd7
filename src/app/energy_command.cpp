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
  if (!energy->closed()) {
    analysis::Point start = start_of(session, request);
    comm::together(context.group, [&] { energy.emplace(session.energy(std::move(start))); });
    record.path = analysis::path_dependence(team, *energy, *chosen.back().split, session.unpacker());
  }
  std::vector<analysis::SplitEnergies> splits;
  for (const data::NamedSplit& split : chosen) {
    splits.push_back(analysis::sample_energies(team, *energy, split, session.unpacker()));
  }
  return on_first_rank(context, [&] {
    if (!request.output.empty()) analysis::write_energies(request.output, *energy, splits, record);
    std::printf("energy: %s\n", energy->description().c_str());
    print(splits);
    if (record.path && record.path->matters) {
      const std::string start = request.from_mean ? "the mean of the first split" : "0";
      std::fprintf(stderr, "trainer: warning: %s, where the energies' deviation is %.3g\n",
                   analysis::path_warning(*record.path, start).c_str(),
                   analysis::groups_of(splits.back())[0].deviation);
    }
    return 0;
  });
}

}  // namespace lockstep::app
