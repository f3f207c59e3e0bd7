#include "class_models.h"

#include <cstdio>

#include "lockstep/analysis/sample_energies.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/core/memory.h"
#include "lockstep/data/subset.h"
#include "lockstep/data/unpack.h"
#include "lockstep/train/memory.h"
#include "lockstep/train/trainer.h"

namespace lockstep::app {

namespace {

// The dataset must have labels before a network that needs none is made for it.
train::Model make_autoencoder(const Options& options, const data::Dataset& dataset) {
  if (dataset.info.classes == 0) {
    fail_usage(options.dataset,
               ": has no labels, and classify trains an autoencoder a class; expected /train/labels "
               "(datasets/README.md)");
  }
  if (dataset.info.classes == 1) {
    fail_usage(options.dataset, ": all its labels are 0, and classify tells two classes or more apart");
  }
  train::Model model = train::make_model(options, dataset.info);
  if (model.target != train::Target::kInput) {
    fail_usage(options.origin("target"), ": the network is no autoencoder: its target is ",
               model.classifies() ? "the labels" : "values",
               ", and classify trains one that reproduces its input a class; expected target = input");
  }
  return model;
}

}  // namespace

ClassModels::ClassModels(const Context& context, const Options& options, const std::string& configuration,
                         DataSession& session)
    : context_(context),
      options_(options),
      configuration_(configuration),
      session_(session),
      model_(make_autoencoder(options, session.dataset())),
      members_(static_cast<size_t>(session.dataset().info.classes)) {
  const std::vector<int32_t> labels = analysis::labels_of(session.team(), session.split("train"));
  for (size_t i = 0; i < labels.size(); ++i) {
    members_[static_cast<size_t>(labels[i])].push_back(static_cast<int64_t>(i));
  }
  comm::together(context.group, [&] {
    for (size_t c = 0; c < members_.size(); ++c) {
      if (!members_[c].empty()) continue;
      fail(session.dataset().name, ": /train has no sample of class ", c,
           " to train its autoencoder on; expected at least one of each of the ", members_.size(),
           " classes");
    }
  });
  const int threads = session.team().workers.threads();
  const auto estimate = train::estimate_memory(options, session.dataset(), model_, threads,
                                               dist::Teams(context.group), context.group.rank());
  train::require_memory(model_, context.group, session.placements(), {estimate, available_memory()});
}

void ClassModels::train() {
  for (size_t c = 0; c < members_.size(); ++c) train_class(c);
}

void ClassModels::train_class(size_t number) {
  const bool prints = context_.group.rank() == 0;
  data::Dataset dataset;
  dataset.name = text(session_.dataset().name, ", class ", number);
  dataset.info = session_.dataset().info;
  dataset.digest = session_.dataset().digest;
  dataset.train = std::make_unique<data::Subset>(session_.split("train"), members_[number]);
  if (prints) {
    std::printf("class %zu of %zu: %zu samples\n", number + 1, members_.size(), members_[number].size());
    std::fflush(stdout);
  }
  std::unique_ptr<train::Trainer> trainer;
  comm::together(context_.group, [&] {
    trainer =
        std::make_unique<train::Trainer>(options_, configuration_, context_.command_line, dataset,
                                         context_.group, session_.placements(), session_.team().workers);
  });
  train::Outcome outcome;
  {
    train::ProgressPrinter printer(prints && train::output_is_terminal());
    outcome = trainer->run(context_.signals, &printer);
  }
  if (outcome.stopped_by != 0) {
    throw comm::AgreedError(text("stopped by ", train::signal_name(outcome.stopped_by),
                                 " while the autoencoder of class ", number,
                                 " was trained; nothing is written, start again"));
  }
  ClassModel model{Buffer(model_.network.layout().floats()), trainer->digest(),
                   trainer->evaluate(*dataset.train).error};
  std::copy_n(trainer->parameters(), model.parameters.size(), model.parameters.data());
  if (prints) {
    std::printf("class %zu of %zu: squared-error %.4f digest %s\n", number + 1, members_.size(),
                model.squared_error, model.digest.c_str());
    std::fflush(stdout);
  }
  classes_.push_back(std::move(model));
}

std::vector<analysis::ClassEnergies> ClassModels::energies(const std::vector<data::NamedSplit>& splits) {
  const analysis::Team team = session_.team();
  const data::Unpacker unpacker(options_, session_.dataset().info);
  const int64_t width = model_.network.input_shape().size();
  const auto count = static_cast<int64_t>(classes_.size());
  std::vector<analysis::ClassEnergies> result;
  for (const data::NamedSplit& split : splits) {
    result.push_back({split.name, count,
                      std::vector<double>(static_cast<size_t>(split.split->rows() * count)),
                      analysis::labels_of(team, *split.split)});
  }
  analysis::Point start;
  for (size_t c = 0; c < classes_.size(); ++c) {
    const auto energy_from = [&](const analysis::Point& from) {
      return analysis::Energy(model_.network, train::network_settings(options_),
                              classes_[c].parameters.data(), options_.loss == "cross-entropy", team, from);
    };
    analysis::Energy energy = energy_from(start);
    if (!energy.closed() && start.empty()) {
      start = analysis::mean_sample(team, session_.split("train"), unpacker, width);
      energy = energy_from(start);
    }
    energy_ = energy.description();
    if (!energy.closed()) {
      const auto path = analysis::path_dependence(team, energy, session_.split("train"), unpacker);
      if (!path_ || path.curl > path_->curl) path_ = path;
    }
    for (size_t s = 0; s < splits.size(); ++s) {
      const auto found = analysis::sample_energies(team, energy, splits[s], unpacker);
      for (size_t n = 0; n < found.energies.size(); ++n) {
        result[s].values[n * classes_.size() + c] = found.energies[n];
      }
    }
  }
  return result;
}

std::string ClassModels::digest() const {
  Digest digest;
  for (const ClassModel& model : classes_) digest.add(model.digest);
  return digest.hex();
}

}  // namespace lockstep::app
