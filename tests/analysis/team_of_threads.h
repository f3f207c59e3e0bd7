// A team of one rank, with as many threads as a test asks for; and samples that it can look at.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "lockstep/analysis/forward.h"
#include "lockstep/analysis/share.h"
#include "lockstep/data/dataset.h"
#include "lockstep/kernels/gemm.h"
#include "support/values.h"

namespace lockstep::analysis {

struct TeamOfThreads {
  explicit TeamOfThreads(int threads) : workers(threads, kernels::use_one_thread) {}

  std::unique_ptr<comm::Group> group = comm::group_of_one();
  parallel::Workers workers;
  Team team{*group, workers};
};

// Samples whose values depend on each other, with deviations from 0.01 to 1 and a mean far from 0: more than
// one block of them, and no whole number of blocks.
inline Rows dependent_samples(int64_t count = 1300, int64_t width = 70, uint32_t item = 1) {
  Rows rows{count, width, test::random_values(count * width, item)};
  const auto mixing = test::random_values(width * width, item + 1);
  std::vector<float> mixed(rows.values.size());
  for (int64_t n = 0; n < count; ++n) {
    const float* in = rows.values.data() + n * width;
    for (int64_t i = 0; i < width; ++i) {
      float sum = 0;
      for (int64_t k = 0; k <= i; ++k) sum += mixing[static_cast<size_t>(i * width + k)] * in[k];
      mixed[static_cast<size_t>(n * width + i)] = 3 + sum / static_cast<float>(1 + i % 7);
    }
  }
  rows.values = std::move(mixed);
  return rows;
}

// A split of bytes or floats in memory.
template <class Value>
class ValueSplit : public data::Split {
 public:
  ValueSplit(std::vector<Value> values, int64_t width) : values_(std::move(values)), width_(width) {}
  int64_t rows() const override { return static_cast<int64_t>(values_.size()) / width_; }
  data::Samples fetch(std::vector<int64_t> indices) const override {
    data::Samples samples;
    for (const int64_t index : indices)
      samples.inputs.push_back(reinterpret_cast<const unsigned char*>(values_.data() + index * width_));
    samples.indices = std::move(indices);
    return samples;
  }

 private:
  std::vector<Value> values_;
  int64_t width_;
};

}  // namespace lockstep::analysis
