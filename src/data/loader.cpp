#include "lockstep/data/loader.h"

#include <algorithm>

#include "lockstep/data/epoch_order.h"

namespace lockstep::data {

Order::Order(uint64_t seed, int64_t samples, const BatchSizes& batch_size, const Shuffle& shuffle)
    : seed_(seed), samples_(samples), shuffle_(shuffle) {
  int64_t step = 0;
  for (const BatchSizes::Phase& phase : batch_size.phases()) {
    if (!phases_.empty()) step = first_step_of(phase.after);
    phases_.push_back({phase.after, step, phase.samples, (samples + phase.samples - 1) / phase.samples});
  }
}

const Order::Phase& Order::phase_of(int64_t step) const {
  return *std::find_if(phases_.rbegin(), phases_.rend(),
                       [&](const Phase& p) { return p.first_step <= step; });
}

int64_t Order::epoch_of(int64_t step) const {
  const Phase& phase = phase_of(step);
  return phase.first_epoch + (step - phase.first_step) / phase.steps;
}

int64_t Order::position_of(int64_t step) const {
  const Phase& phase = phase_of(step);
  return (step - phase.first_step) % phase.steps * phase.batch_size;
}

int64_t Order::batch_of(int64_t step) const {
  return std::min(phase_of(step).batch_size, samples_ - position_of(step));
}

int64_t Order::first_step_of(int64_t epoch) const {
  const Phase& phase =
      *std::find_if(phases_.rbegin(), phases_.rend(), [&](const Phase& p) { return p.first_epoch <= epoch; });
  return phase.first_step + (epoch - phase.first_epoch) * phase.steps;
}

double Order::epochs_before(int64_t step) const {
  const int64_t epoch = epoch_of(step);
  const int64_t first = first_step_of(epoch);
  const double steps = static_cast<double>(first_step_of(epoch + 1) - first);
  return static_cast<double>(epoch) + static_cast<double>(step - first) / steps;
}

std::vector<int64_t> Order::whole_batches() const {
  std::vector<int64_t> result;
  for (const Phase& phase : phases_) result.push_back(batch_of(phase.first_step));
  return result;
}

std::vector<int64_t> Order::last_batches() const {
  std::vector<int64_t> result;
  for (const Phase& phase : phases_) result.push_back(batch_of(phase.first_step + phase.steps - 1));
  return result;
}

std::vector<int64_t> Order::indices(int64_t step, int64_t begin, int64_t end) const {
  const EpochOrder order(seed_, static_cast<uint32_t>(epoch_of(step)), samples_, shuffle_);
  std::vector<int64_t> result;
  for (int64_t i = begin; i < end; ++i) result.push_back(order(position_of(step) + i));
  return result;
}

Loader::Loader(const Split& split, int64_t first, int64_t end,
               std::function<std::vector<int64_t>(int64_t)> indices)
    : split_(split), next_(first), end_(end), indices_(std::move(indices)) {
  fetch_ahead();
}

void Loader::fetch_ahead() {
  while (ahead_.size() < kSetsAhead && next_ < end_) {
    auto samples = std::make_shared<Samples>();
    auto handle = background_.run([this, samples, set = next_] { *samples = split_.fetch(indices_(set)); });
    ahead_.push_back({std::move(samples), std::move(handle)});
    look_ahead(next_ + split_.sets_ahead());
    ++next_;
  }
}

// What fails here fails again, and is told, when the set is fetched.
void Loader::look_ahead(int64_t set) {
  if (set > next_ && set < end_) background_.run([this, set] { split_.look_ahead(indices_(set)); });
}

Samples Loader::next() {
  Ahead first = std::move(ahead_.front());
  ahead_.pop_front();
  fetch_ahead();
  first.handle.wait();
  return std::move(*first.samples);
}

Samples Loader::fetch(std::vector<int64_t> indices) {
  Samples samples;
  background_.run([&] { samples = split_.fetch(std::move(indices)); }).wait();
  return samples;
}

}  // namespace lockstep::data
