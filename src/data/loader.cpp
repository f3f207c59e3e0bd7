#include "lockstep/data/loader.h"

#include "lockstep/data/permutation.h"

namespace lockstep::data {

namespace {
constexpr size_t kSetsAhead = 3;
}

std::vector<int64_t> Order::indices(int64_t step, int64_t begin, int64_t end) const {
  const Permutation order(seed_, static_cast<uint32_t>(epoch_of(step)), samples_);
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
    ++next_;
  }
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
