// This rank's part of each step's minibatch, fetched ahead of the training on one background thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "lockstep/data/dataset.h"
#include "lockstep/parallel/background.h"

namespace lockstep::data {

// Which samples a step has, for any rank to compute: minibatches follow one another through the permutation
// of each epoch; the last of an epoch holds what is left.
class Order {
 public:
  Order(uint64_t seed, int64_t samples, int64_t batch_size)
      : seed_(seed), samples_(samples), batch_size_(batch_size) {}

  int64_t steps_per_epoch() const { return (samples_ + batch_size_ - 1) / batch_size_; }
  int64_t epoch_of(int64_t step) const { return step / steps_per_epoch(); }
  int64_t position_of(int64_t step) const { return step % steps_per_epoch() * batch_size_; }
  int64_t batch_of(int64_t step) const { return std::min(batch_size_, samples_ - position_of(step)); }
  // The indices at places [begin, end) of a step's minibatch.
  std::vector<int64_t> indices(int64_t step, int64_t begin, int64_t end) const;

 private:
  uint64_t seed_;
  int64_t samples_;
  int64_t batch_size_;
};

// Fetches one set of samples after the other, a few ahead of whoever takes them.
class Loader {
 public:
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

  const Split& split_;
  int64_t next_;
  int64_t end_;
  std::function<std::vector<int64_t>(int64_t)> indices_;
  std::deque<Ahead> ahead_;
  parallel::Background background_;  // last: its task uses the others
};

}  // namespace lockstep::data
