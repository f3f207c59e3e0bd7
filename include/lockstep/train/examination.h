// One microbatch of a training step, repeated alone to see what becomes infinite or NaN, and where first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/data/dataset.h"
#include "lockstep/dist/gradient_tree.h"
#include "lockstep/train/engine.h"
#include "lockstep/train/failed_step.h"
#include "lockstep/train/model.h"

namespace lockstep::train {

// What some values are like.
struct Finding {
  int64_t values = 0;
  int64_t not_finite = 0;        // of them, infinite or NaN
  float largest = 0;             // magnitude of those that are finite
  std::vector<int64_t> samples;  // of the microbatch, from 0, that have values that are not finite

  bool finite() const { return not_finite == 0; }
};

struct LayerFindings {
  Finding output;
  double penalty = 0;            // that it adds to the loss
  std::optional<Finding> delta;  // the derivative with respect to the output; none where nothing asks for it
};

struct Examination {
  std::vector<Finding> parameters;                // as the layout has them
  std::vector<std::optional<Finding>> gradients;  // likewise; none where it does not learn
  Finding input;
  std::vector<LayerFindings> layers;  // one a node
  double loss = 0;                    // with penalties, summed over the samples
  std::string gradient_digest;
};

// Takes the microbatch through the network and back as training did: the same bits, whoever had it there.
// `samples` are the microbatch's. `tree` is one that the engine's train() can fill with one branch; what was
// in it is lost.
Examination examine(const Model& model, Engine& engine, dist::GradientTree& tree, const Place& place,
                    const data::Samples& samples, uint64_t seed, const float* parameters);

// What was infinite or NaN first.
struct Cause {
  std::string what;              // "the output of layer conv1 ('conv 4 kernel=5', run.cfg:2)"
  std::vector<int64_t> samples;  // of the microbatch, whose values were; empty where it belongs to none
};

// In this order: parameters, the input, each layer's output and penalty, the loss. None where all is finite.
std::optional<Cause> first_cause(const Examination& found, const nn::Network& network);

// The same in words, the samples by their indices in /train.
std::string cause_text(const Examination& found, const nn::Network& network,
                       const std::vector<int64_t>& indices);

std::string numbers_text(const std::vector<int64_t>& numbers);  // "3, 5, 9"

}  // namespace lockstep::train
