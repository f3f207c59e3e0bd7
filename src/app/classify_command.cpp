// classify: an autoencoder a class, and a constant each.
#include <cstdio>
#include <optional>

#include "class_models.h"
#include "commands.h"
#include "distinct_files.h"
#include "lockstep/core/error.h"
#include "lockstep/data/preprocessing.h"
#include "lockstep/io/file.h"
#include "lockstep/io/replace.h"
#include "model_session.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer classify CONFIG [--output F] [--constants train] [--key value ...]";

using analysis::ClassEnergies;
using analysis::ClassScore;

void check_request(const Context& context, const Options& options, const std::string& output) {
  require_words(context, 1, 1, kUsage);
  for (const char* key : {"checkpoint", "checkpoint-steps", "checkpoint-epochs", "checkpoint-minutes"}) {
    if (options.origins.count(key) > 0) {
      fail_usage(options.origin(key), ": classify keeps no checkpoints, so nothing reads ", key,
                 "; --output FILE keeps all models, energies and constants");
    }
  }
  require_distinct({{"the file of models and energies", output}},
                   {{"the configuration", context.arguments.words[0]}, {"the dataset", options.dataset}});
  if (context.group.rank() == 0 && !output.empty()) io::Replacement probe(output);
}

// The split that the constants are learned on.
std::string constants_split(const Context& context, const DataSession& session) {
  const std::string asked =
      setting(context, "constants", session.dataset().validation ? "validation" : "train");
  if (asked != "train" && asked != "validation") {
    fail_usage("the command line: constants = ", asked, " cannot be used; expected train or validation");
  }
  session.split(asked);
  return asked;
}

void print_confusion(const ClassEnergies& energies, const ClassScore& score) {
  std::printf("confusion on /%s: rows are classes, columns answers\n", energies.split.c_str());
  for (int64_t row = 0; row < energies.classes; ++row) {
    for (int64_t c = 0; c < energies.classes; ++c) {
      std::printf("%s%6ld", c == 0 ? "" : " ",
                  static_cast<long>(score.confusion[static_cast<size_t>(row * energies.classes + c)]));
    }
    std::printf("\n");
  }
}

void write_models(io::File& file, const ClassModels& models) {
  for (size_t c = 0; c < models.classes().size(); ++c) {
    const ClassModel& model = models.classes()[c];
    const std::string group = "/models/" + std::to_string(c);
    file.create_group(group);
    file.set_attribute(group, "digest", std::string_view(model.digest));
    file.set_attribute(group, "squared_error", model.squared_error);
    for (const ParameterInfo& p : models.model().network.layout().parameters()) {
      file.write(group + "/" + p.layer + "/" + p.name, io::Type::kFloat32, p.dims,
                 model.parameters.data() + p.offset);
    }
  }
}

struct Result {
  std::string constants_split;
  std::vector<double> constants;
  std::vector<ClassEnergies> energies;  // a split
  std::vector<ClassScore> scores;       // likewise
};

void write(const std::string& path, const std::string& configuration, const Options& options,
           const ClassModels& models, const Result& result) {
  io::Replacement replacement(path);
  io::File file = io::File::create(replacement.path());
  file.set_attribute("/", "format", std::string_view("lockstep-classifier"));
  file.set_attribute("/", "version", int64_t{1});
  file.set_attribute("/", "digest", std::string_view(models.digest()));
  file.set_attribute("/", "energy", std::string_view(models.energy()));
  file.set_attribute("/", "constants_split", std::string_view(result.constants_split));
  file.write_string("/config/text", configuration);
  file.write_string("/config/resolved", configuration_text(options));
  const auto classes = static_cast<int64_t>(result.constants.size());
  file.write("/constants", io::Type::kFloat64, {classes}, result.constants.data());
  for (size_t s = 0; s < result.energies.size(); ++s) {
    const ClassEnergies& energies = result.energies[s];
    const std::string group = "/" + energies.split;
    file.write(group + "/energies", io::Type::kFloat64, {energies.samples(), classes},
               energies.values.data());
    file.write(group + "/labels", io::Type::kInt32, {energies.samples()}, energies.labels.data());
    file.write(group + "/confusion", io::Type::kInt64, {classes, classes}, result.scores[s].confusion.data());
    file.set_attribute(group, "error", result.scores[s].error);
    file.set_attribute(group, "loss", result.scores[s].loss);
  }
  write_models(file, models);
  file.close();
  replacement.commit();
}

void print(const ClassModels& models, const Result& result) {
  std::printf("energy: %s\n", models.energy().c_str());
  std::printf("constants, learned on /%s:", result.constants_split.c_str());
  for (const double constant : result.constants) std::printf(" %.6g", constant);
  std::printf("\n");
  print_confusion(result.energies.back(), result.scores.back());
  for (size_t s = 0; s < result.energies.size(); ++s) {
    std::printf("%s error %.2f %% loss %.4f\n", result.energies[s].split.c_str(),
                100 * result.scores[s].error, result.scores[s].loss);
  }
  std::printf("digest %s\n", models.digest().c_str());
  if (!models.path() || !models.path()->matters) return;
  std::fprintf(stderr, "trainer: warning: %s\n",
               analysis::path_warning(*models.path(), "the mean of the training samples").c_str());
}

Result classify(ClassModels& models, const DataSession& session, const std::string& constants_split) {
  Result result;
  result.constants_split = constants_split;
  result.energies = models.energies(data::splits_of(session.dataset()));
  for (const ClassEnergies& energies : result.energies) {
    if (energies.split == constants_split) result.constants = analysis::fit_constants(energies);
  }
  for (const ClassEnergies& energies : result.energies) {
    result.scores.push_back(analysis::score_of(energies, result.constants));
  }
  return result;
}

}  // namespace

int classify_command(const Context& context) {
  std::string configuration;
  Options options = read_options(context, kUsage, configuration);
  const std::string output = setting(context, "output", "");
  comm::together(context.group, [&] {
    require_no_start(options, "classify");
    check_request(context, options, output);
  });
  DataSession session(context.group, options);
  std::optional<ClassModels> models;
  std::string split;
  comm::together(context.group, [&] {
    options = data::with_statistics(options, session.dataset());
    split = constants_split(context, session);
    models.emplace(context, options, configuration, session);
  });
  models->train();
  const Result result = classify(*models, session, split);
  return on_first_rank(context, [&] {
    if (!output.empty()) write(output, configuration, options, *models, result);
    print(*models, result);
    return 0;
  });
}

}  // namespace lockstep::app
