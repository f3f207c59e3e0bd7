// import, generate, inspect and diff: what concerns files alone, done by rank 0.
#include <cstdio>
#include <sstream>

#include "commands.h"
#include "distinct_files.h"
#include "lockstep/comm/group.h"
#include "lockstep/core/error.h"
#include "lockstep/core/shape.h"
#include "lockstep/data/generate.h"
#include "lockstep/data/import.h"
#include "lockstep/io/dataset_file.h"
#include "lockstep/train/checkpoint.h"
#include "lockstep/train/examination.h"
#include "lockstep/train/failed_step.h"

namespace lockstep::app {

namespace {

void print_origin(const train::Attributes& provenance, const std::string& resolved) {
  for (const auto& [name, value] : provenance) std::printf("%-15s %s\n", name.c_str(), value.c_str());
  std::printf("configuration\n");
  std::istringstream lines(resolved);
  for (std::string line; std::getline(lines, line);) std::printf("  %s\n", line.c_str());
}

void inspect_failed_step(const std::string& path) {
  const train::FailedStep step = train::read_failed_step(path);
  std::printf("%s: a failed step; repeat it with: trainer replay %s\n", path.c_str(), path.c_str());
  std::printf("step        %ld (epoch %ld), microbatch %ld\n", static_cast<long>(step.place.step),
              static_cast<long>(step.place.epoch), static_cast<long>(step.place.microbatch));
  std::printf("samples     %s of /train, %s %s\n", train::numbers_text(step.indices).c_str(),
              dims_text(step.info.sample_dims).c_str(), io::type_name(step.info.type));
  std::printf("parameters  %ld in %zu arrays\n", static_cast<long>(step.layout.count()),
              step.layout.parameters().size());
  std::printf("loss        %g: %s\n", step.loss, step.cause.c_str());
  print_origin(step.provenance, step.resolved);
}

void inspect_checkpoint(const std::string& path) {
  const train::Checkpoint checkpoint = train::read_checkpoint(path);
  const train::State& state = checkpoint.state;
  std::printf("%s: a checkpoint\n", path.c_str());
  std::printf("step        %ld (epoch %ld, sample %ld)\n", static_cast<long>(state.step),
              static_cast<long>(state.epoch), static_cast<long>(state.position));
  std::printf("finished    %s\n", state.finished ? "yes" : "no");
  std::printf("parameters  %ld in %zu arrays\n", static_cast<long>(checkpoint.layout.count()),
              checkpoint.layout.parameters().size());
  for (const ParameterInfo& p : checkpoint.layout.parameters()) {
    std::printf("  %-20s %s\n", (p.layer + "/" + p.name).c_str(), dims_text(p.dims).c_str());
  }
  for (const auto& slot : checkpoint.slots) std::printf("optimizer   %s\n", slot.name.c_str());
  std::printf("history     %ld rows\n", static_cast<long>(checkpoint.history.rows()));
  print_origin(checkpoint.provenance, checkpoint.resolved);
  std::printf("digest %s\n", checkpoint.parameters_digest.c_str());
}

data::GeneratorSettings generator_settings(const Context& context) {
  data::GeneratorSettings settings;
  settings.from = setting(context, "from", "");
  settings.background = setting(context, "background", "");
  if (was_given(context, "min-halfplanes")) {
    settings.min_halfplanes =
        whole_setting(context, "min-halfplanes", 0, data::kMostMinHalfplanes, data::kMinHalfplanes);
  }
  return settings;
}

}  // namespace

void inspect_dataset(const std::string& path) {
  const io::DatasetReader reader(path);
  const io::DatasetInfo& info = reader.info();
  std::printf("%s: a dataset\n", path.c_str());
  std::printf("samples     %s %s, value = raw x %g + %g\n", dims_text(info.sample_dims).c_str(),
              io::type_name(info.type), info.scale, info.offset);
  for (const std::string& split : io::kSplits) {
    if (reader.has(split))
      std::printf("%-11s %ld samples\n", split.c_str(), static_cast<long>(reader.rows(split)));
  }
  if (info.classes > 0) std::printf("labels      %ld classes\n", static_cast<long>(info.classes));
  if (!info.target_dims.empty()) std::printf("targets     %s\n", dims_text(info.target_dims).c_str());
  if (!info.source.empty()) std::printf("source      %s\n", info.source.c_str());
  const std::string found = reader.compute_digest();
  const std::string stated = reader.stated_digest().value_or("");
  if (!stated.empty() && stated != found) {
    fail(path, ": the file is damaged: its contents have the digest ", found, ", it states ", stated,
         "; restore it or import it again");
  }
  std::printf("digest      %s (%s)\n", found.c_str(), stated.empty() ? "the file states none" : "as stated");
}

int import_command(const Context& context) {
  return on_first_rank(context, [&] {
    const auto& words = context.arguments.words;
    if (words.size() < 2) {
      std::string known;
      for (const auto& format : data::import_formats()) known += "\n  " + format.name + ": " + format.sources;
      fail_usage("import takes a format and its sources; usage: trainer import FORMAT SOURCE... --output F",
                 known);
    }
    const std::string output = required_output(context);
    for (size_t i = 1; i < words.size(); ++i)
      require_distinct({{"the dataset", output}}, {{"its source", words[i]}});
    data::import_dataset(words[0], {words.begin() + 1, words.end()}, output);
    inspect_dataset(output);
    return 0;
  });
}

int generate_command(const Context& context) {
  return on_first_rank(context, [&] {
    require_words(context, 1, 1,
                  "trainer generate NAME --output F [--seed S --generate-train N --generate-test N --from F "
                  "--background F --min-halfplanes N]");
    const std::string output = required_output(context);
    Options options;
    apply_settings(options, context.arguments, command_keys());
    const data::GeneratorSettings settings = generator_settings(context);
    require_distinct({{"the dataset", output}}, {{"what --from names", settings.from},
                                                 {"what --background names", settings.background}});
    data::generate_dataset(context.arguments.words[0], settings, options.seed, options.generate_train,
                           options.generate_test, output);
    inspect_dataset(output);
    return 0;
  });
}

int inspect_command(const Context& context) {
  return on_first_rank(context, [&] {
    require_words(context, 1, 1, "trainer inspect FILE");
    const std::string& path = context.arguments.words[0];
    std::string format;
    {
      const io::File file = io::File::open(path);
      if (file.has_attribute("/", "format")) format = file.string_attribute("/", "format");
    }
    if (format == "lockstep-checkpoint") {
      inspect_checkpoint(path);
    } else if (format == "lockstep-failed-step") {
      inspect_failed_step(path);
    } else {
      inspect_dataset(path);
    }
    return 0;
  });
}

int diff_command(const Context& context) {
  return on_first_rank(context, [&] {
    require_words(context, 2, 2, "trainer diff A B");
    const train::Checkpoint a = train::read_checkpoint(context.arguments.words[0]);
    const train::Checkpoint b = train::read_checkpoint(context.arguments.words[1]);
    const std::string difference = train::first_difference(a, b);
    if (difference.empty()) {
      std::printf("the same bits: parameters, optimizer state, position and history (digest %s)\n",
                  a.parameters_digest.c_str());
      return 0;
    }
    std::printf("%s\n", difference.c_str());
    return 1;
  });
}

}  // namespace lockstep::app
