// What a trained network scores on a split.
#pragma once

#include <functional>
#include <string>

#include "lockstep/comm/group.h"
#include "lockstep/data/dataset.h"
#include "lockstep/train/engine.h"
#include "lockstep/train/history.h"

namespace lockstep::train {

// The split that a finished run is scored on: test, else validation, else training.
struct ScoredSplit {
  std::string name;
  const data::Split& split;
};
ScoredSplit scored_split(const data::Dataset& dataset);

// Collective. Mean loss and error over the split, in microbatches of so many samples: the same bits on any
// number of ranks. `at` is called with what this rank is doing whenever it does something else: a sign of
// life.
Score evaluate(
    Engine& engine, const Model& model, comm::Group& group, int64_t microbatch, const data::Split& split,
    const float* parameters, const std::function<void(const char* doing)>& at = [](const char*) {});

}  // namespace lockstep::train
