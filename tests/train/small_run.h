// A training run small enough for tests: a dataset in memory, a network with all that makes it hard to
// repeat.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/train/trainer.h"
#include "support/values.h"

namespace lockstep::train {

// Samples that are held as floats; may hold what a dataset file may not, such as NaN.
class FloatSplit : public data::Split {
 public:
  FloatSplit(int64_t rows, int64_t features, int64_t classes, uint32_t item)
      : features_(features), values(test::random_values(rows * features, item)) {
    RandomStream stream(4, Purpose::kTest, item);
    for (int64_t i = 0; i < rows; ++i) {
      labels_.push_back(static_cast<int32_t>(stream.below(static_cast<uint32_t>(classes))));
    }
  }
  int64_t rows() const override { return static_cast<int64_t>(labels_.size()); }
  data::Samples fetch(std::vector<int64_t> indices) const override {
    data::Samples samples;
    for (const int64_t index : indices) {
      samples.inputs.push_back(reinterpret_cast<const unsigned char*>(values.data() + index * features_));
      samples.labels.push_back(labels_[static_cast<size_t>(index)]);
    }
    samples.indices = std::move(indices);
    return samples;
  }

 private:
  int64_t features_;
  std::vector<int32_t> labels_;

 public:
  std::vector<float> values;
};

constexpr int64_t kTrainRows = 50;
constexpr int64_t kClasses = 3;

inline data::Dataset small_dataset() {
  data::Dataset dataset;
  dataset.name = "small";
  dataset.digest = "0";
  dataset.info.sample_dims = {2, 6, 6};
  dataset.info.type = io::Type::kFloat32;
  dataset.info.classes = kClasses;
  dataset.train = std::make_unique<FloatSplit>(kTrainRows, 72, kClasses, 11);
  dataset.test = std::make_unique<FloatSplit>(23, 72, kClasses, 12);
  return dataset;
}

// Three steps an epoch, of 20, 20 and 10 samples; four microbatches a step, the last smaller.
inline Options small_options() {
  Options options;
  options.dataset = "small";
  for (const char* line :
       {"conv 4 kernel=3", "maxpool 2", "tanh", "dropout 0.3", "linear 300", "relu", "linear 3"}) {
    options.layers.push_back({line, "small.cfg:1"});
  }
  options.batch_size = 20;
  options.microbatch = 6;
  options.epochs = 4;
  options.learning_rate = 0.05;
  options.momentum = 0.9;
  options.weight_decay = 0.001;
  options.history_steps = 5;
  return options;
}

// All that a Trainer refers to, and the trainer. One at a time, since each listens to signals.
class SmallRun {
 public:
  explicit SmallRun(Options given, int threads = 2, data::Dataset data = small_dataset())
      : options(std::move(given)),
        dataset(std::move(data)),
        placements(comm::placements(*group)),
        workers(threads, kernels::use_one_thread),
        trainer(options, "the user's text", "trainer", dataset, *group, placements, workers) {}

  std::vector<float> parameters() const {
    const int64_t count = trainer.model().network.layout().floats();
    return {trainer.parameters(), trainer.parameters() + count};
  }

  Options options;
  data::Dataset dataset;
  std::unique_ptr<comm::Group> group = comm::group_of_one();
  std::vector<comm::Placement> placements;
  parallel::Workers workers;
  Trainer trainer;
};

}  // namespace lockstep::train
