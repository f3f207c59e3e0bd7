// One configuration trained once a class, on that class's samples alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "data_session.h"
#include "lockstep/analysis/class_constants.h"
#include "lockstep/analysis/energy.h"
#include "lockstep/core/buffer.h"
#include "lockstep/train/model.h"

namespace lockstep::app {

struct ClassModel {
  Buffer parameters;
  std::string digest;
  double squared_error = 0;  // of its training samples
};

class ClassModels {
 public:
  // Collective, like the following. `options` are an autoencoder's, with the numbers that `normalise =
  // dataset` stands for; all stay in use. Fails (usage) where the network is no autoencoder, the dataset has
  // no labels or a class has no training samples.
  ClassModels(const Context& context, const Options& options, const std::string& configuration,
              DataSession& session);

  // One model after the other, with a line an epoch on rank 0. A signal ends the program.
  void train();
  // Of every sample of the splits, under every model.
  std::vector<analysis::ClassEnergies> energies(const std::vector<data::NamedSplit>& splits);

  const train::Model& model() const { return model_; }
  const std::vector<ClassModel>& classes() const { return classes_; }
  // Which form of energy it is.
  const std::string& energy() const { return energy_; }
  // Of the class whose energy depends most on the path; nothing where all have closed forms.
  const std::optional<analysis::PathDependence>& path() const { return path_; }
  std::string digest() const;  // of all models

 private:
  void train_class(size_t number);

  const Context& context_;
  const Options& options_;
  const std::string& configuration_;
  DataSession& session_;
  train::Model model_;
  std::vector<std::vector<int64_t>> members_;  // of the training split, by class
  std::vector<ClassModel> classes_;
  std::string energy_;
  std::optional<analysis::PathDependence> path_;
};

}  // namespace lockstep::app
