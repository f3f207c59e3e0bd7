// report and picture: looking at a trained network.
#include <algorithm>
#include <filesystem>

#include "commands.h"
#include "distinct_files.h"
#include "lockstep/analysis/pictures.h"
#include "lockstep/analysis/report.h"
#include "lockstep/analysis/svg.h"
#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "lockstep/io/replace.h"
#include "lockstep/train/evaluate.h"
#include "lockstep/train/observer.h"
#include "model_session.h"

namespace lockstep::app {

namespace {

constexpr const char* kReportUsage = "trainer report CHECKPOINT --output page.html";
constexpr const char* kPictureUsage = "trainer picture CHECKPOINT KIND --output F.png";
const std::vector<std::string> kOptionsRead = {"dataset", "threads", "in-memory", "test-augment"};

// A file that cannot be written shall be known before the work.
void check_output(const Context& context, const std::string& output, const std::string& checkpoint) {
  require_distinct({{"the output", output}}, {{"the checkpoint", checkpoint}});
  if (context.group.rank() == 0) io::Replacement probe(output);
}

struct Chosen {
  std::string name;
  const data::Split& split;
};

// What --split says, else what a run is scored on.
Chosen chosen_split(const Context& context, const ModelSession& session) {
  if (was_given(context, "split")) {
    const std::string name = setting(context, "split", "");
    return {name, session.split(name)};
  }
  const train::ScoredSplit scored = train::scored_split(session.dataset());
  return {scored.name, scored.split};
}

analysis::Subject subject_of(const Context& context, const ModelSession& session, const Chosen& chosen) {
  const train::Model& model = session.model();
  Options of_run;
  apply_configuration(of_run, session.checkpoint().resolved, session.options().checkpoint);
  return {.network = model.network,
          .parameters = session.parameters(),
          .settings = train::network_settings(session.options()),
          .loss = *model.loss,
          .classifies = model.classifies(),
          .both_views = model.both_views,
          .reconstructs = model.target == train::Target::kInput,
          .sigmoid_on_top = session.options().loss == "cross-entropy",
          .info = session.dataset().info,
          .normalisation = data::normalisation_of(session.options(), session.dataset().info),
          .unpacker = session.unpacker(),
          .split = chosen.split,
          .split_name = chosen.name,
          .history = session.checkpoint().history,
          .evaluated = session.dataset().validation ? "validation" : "test",
          .evaluated_both_views = of_run.test_augment != "none",
          .code = setting(context, "code", "")};
}

std::string task_of(const ModelSession& session) {
  const train::Model& model = session.model();
  if (model.classifies()) return "classifier";
  return model.target == train::Target::kInput ? "autoencoder" : "regression";
}

// Epochs done, with the part of one that is under way: "3", "0.57".
std::string epochs_text(const train::State& state, const data::Dataset& dataset) {
  const double part =
      dataset.train ? static_cast<double>(state.position) / static_cast<double>(dataset.train->rows()) : 0;
  char epochs[40];
  std::snprintf(epochs, sizeof epochs, part > 0 ? "%.2f" : "%.0f", static_cast<double>(state.epoch) + part);
  return epochs;
}

std::string rows_text(const std::unique_ptr<data::Split>& split) {
  return split ? analysis::grouped(split->rows()) : "0";
}

analysis::ReportText text_of(const ModelSession& session, const std::string& path, const Chosen& chosen,
                             const train::Score& score) {
  const train::Checkpoint& checkpoint = session.checkpoint();
  const data::Dataset& dataset = session.dataset();
  const bool rate = session.model().classifies();
  analysis::ReportText report;
  report.title = std::filesystem::path(path).filename().string();
  report.summary = text("A network of ", session.network().nodes().size(), " layers with ",
                        analysis::grouped(checkpoint.layout.count()), " parameters, trained on ",
                        dataset.name, " for ", analysis::grouped(checkpoint.state.step), " steps",
                        checkpoint.state.finished ? "" : " so far", "; its samples are ",
                        dataset.shape().to_string(), ". Pictures of samples, codes and scores are of the ",
                        chosen.name, " split (", analysis::grouped(chosen.split.rows()), " samples)",
                        data::views_text(session.model().both_views), ".");
  char loss[40];
  std::snprintf(loss, sizeof loss, "%.4f", score.loss);
  report.headline = {
      {"task", task_of(session)},
      {chosen.name + (rate ? " error" : " squared error"), train::error_text(score.error, rate)},
      {chosen.name + " loss", loss},
      {"parameters", analysis::grouped(checkpoint.layout.count())},
      {"steps", analysis::grouped(checkpoint.state.step)},
      {"epochs", epochs_text(checkpoint.state, dataset)}};
  report.configuration = checkpoint.configuration;
  report.resolved = checkpoint.resolved;
  report.provenance = checkpoint.provenance;
  report.provenance.emplace_back(
      "samples", text("train ", rows_text(dataset.train), ", validation ", rows_text(dataset.validation),
                      ", test ", rows_text(dataset.test)));
  if (!dataset.info.source.empty()) report.provenance.emplace_back("data from", dataset.info.source);
  report.digest = checkpoint.parameters_digest;
  return report;
}

enum class Ending { kPng, kSvg };

Ending ending_of(const std::string& output) {
  std::string ending = std::filesystem::path(output).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (ending == ".png") return Ending::kPng;
  if (ending == ".svg") return Ending::kSvg;
  fail_usage(output, ": a picture's file ends in .png or .svg, not in '", ending, "'");
}

// An image can be had as either, a drawing as SVG alone.
void check_ending(const analysis::PictureKind& kind, const std::string& output) {
  if (ending_of(output) == Ending::kPng && kind.drawing) {
    fail_usage(output, ": '", kind.name,
               "' is a drawing of lines and text, which is written as SVG; give a name that ends in .svg");
  }
}

std::string file_of(const analysis::PictureKind& kind, const analysis::Picture& picture, Ending ending) {
  if (!picture.image) return picture.svg;
  if (ending == Ending::kPng) return picture.image->png();
  const auto width = static_cast<double>(picture.image->width());
  const auto height = static_cast<double>(picture.image->height());
  analysis::Svg svg(width, height, kind.title);
  svg.image(0, 0, width, height, *picture.image);
  return svg.finish();
}

}  // namespace

int report_command(const Context& context) {
  std::string output;
  comm::together(context.group, [&] {
    require_words(context, 1, 1, kReportUsage);
    require_run_options(context, kOptionsRead, kReportUsage);
    output = required_output(context, "report.html");
    check_output(context, output, context.arguments.words[0]);
  });
  const std::string& path = context.arguments.words[0];
  ModelSession session(context, path);
  std::optional<Chosen> chosen;
  std::optional<analysis::Material> material;
  comm::together(context.group, [&] {
    chosen.emplace(chosen_split(context, session));
    require_distinct({{"the output", output}}, {{"the dataset", session.options().dataset}});
    material.emplace(subject_of(context, session, *chosen), session.team());
  });
  const train::Score score = session.score(chosen->split);
  const std::string page = analysis::report_page(*material, text_of(session, path, *chosen, score));
  return on_first_rank(context, [&] {
    io::replace_file(output, page, "the report");
    std::printf("%s: a page of %zu bytes about %s\n", output.c_str(), page.size(), path.c_str());
    return 0;
  });
}

int picture_command(const Context& context) {
  std::string output;
  comm::together(context.group, [&] {
    require_words(context, 2, 2, kPictureUsage);
    require_run_options(context, kOptionsRead, kPictureUsage);
    output = required_output(context, "filters.png");
    ending_of(output);
    check_output(context, output, context.arguments.words[0]);
  });
  ModelSession session(context, context.arguments.words[0]);
  std::optional<analysis::Material> material;
  const analysis::PictureKind* kind = nullptr;
  comm::together(context.group, [&] {
    require_distinct({{"the output", output}}, {{"the dataset", session.options().dataset}});
    material.emplace(subject_of(context, session, chosen_split(context, session)), session.team());
    kind = &analysis::picture_kind(context.arguments.words[1], *material);
    check_ending(*kind, output);
  });
  const analysis::Picture picture = kind->draw(*material);
  return on_first_rank(context, [&] {
    io::replace_file(output, file_of(*kind, picture, ending_of(output)), "the picture");
    std::printf("%s: %s\n", output.c_str(), picture.caption.c_str());
    return 0;
  });
}

}  // namespace lockstep::app
