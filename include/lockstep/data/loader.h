// This rank's part of each step's minibatch, fetched ahead of the training on one background thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "lockstep/core/batch_sizes.h"
#include "lockstep/core/shuffle.h"
#include "lockstep/data/dataset.h"
#include "lockstep/parallel/background.h"

namespace lockstep::data {

// Which samples a step has, for any rank to compute: minibatches follow one another through the permutation
// of each epoch; the last of an epoch holds what is left.
class Order {
 public:
  Order(uint64_t seed, int64_t samples, const BatchSizes& batch_size, const Shuffle& shuffle = {});

  int64_t epoch_of(int64_t step) const;
  int64_t position_of(int64_t step) const;
  int64_t batch_of(int64_t step) const;
  // The step that an epoch begins with, so also how many there are before it.
  int64_t first_step_of(int64_t epoch) const;
  // Epochs before a step, with the share of its own that its place among that one's steps is.
  double epochs_before(int64_t step) const;
  int64_t samples_before(int64_t step) const { return epoch_of(step) * samples_ + position_of(step); }
  // The whole minibatches that there are, in the order of the run, and all that end an epoch.
  std::vector<int64_t> whole_batches() const;
  std::vector<int64_t> last_batches() const;
  // The indices at places [begin, end) of a step's minibatch.
  std::vector<int64_t> indices(int64_t step, int64_t begin, int64_t end) const;

 private:
  // Epochs of the same minibatches.
  struct Phase {
    int64_t first_epoch;
    int64_t first_step;
    int64_t batch_size;
    int64_t steps;  // of an epoch
  };
  const Phase& phase_of(int64_t step) const;

  uint64_t seed_;
  int64_t samples_;
  Shuffle shuffle_;
  std::vector<Phase> phases_;
};

// Fetches one set of samples after the other, a few ahead of whoever takes them.
class Loader {
 public:
  static constexpr size_t kSetsAhead = 3;

  // `indices(k)` names the samples of the k-th set, from `first` to before `end`; it is called on the
  // background thread. The split outlives the loader.
  Loader(const Split& split, int64_t first, int64_t end,
         std::function<std::vector<int64_t>(int64_t)> indices);

  // The next set; waits for it where it has to. A failure to read is thrown here.
  Samples next();
  // Samples that are no set's, read between those that are fetched ahead.
  Samples fetch(std::vector<int64_t> indices);

 private:
  struct Ahead {
    std::shared_ptr<Samples> samples;
    parallel::Background::Handle handle;
  };
  void fetch_ahead();
  void look_ahead(int64_t set);

  const Split& split_;
  int64_t next_;
  int64_t end_;
  std::function<std::vector<int64_t>(int64_t)> indices_;
  std::deque<Ahead> ahead_;
  parallel::Background background_;  // last: its task uses the others
};

}  // namespace lockstep::data
