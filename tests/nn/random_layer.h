// What the layers that draw random numbers make of one sample: what their tests share.
#pragma once

#include "layer_under_test.h"
#include "lockstep/core/error.h"
#include "support/expect.h"

namespace lockstep::nn {

constexpr int64_t kFeatures = 1001;

// What a layer at this place in a network makes of ones: the values of one sample.
inline Values made_of_ones(const std::string& line, Pass pass, int64_t sample, uint32_t position = 4) {
  LayerUnderTest layer(line, {{kFeatures, 1, 1}}, pass.samples, position);
  pass.columns = kernels::columns_for(pass.samples);
  layer.pass() = pass;
  std::fill(layer.inputs()[0].begin(), layer.inputs()[0].end(), 1.0f);
  const Values& output = layer.fprop();
  Values result;
  for (int64_t f = 0; f < kFeatures; ++f)
    result.push_back(output[static_cast<size_t>(f * pass.columns + sample)]);
  return result;
}

inline Pass training_pass(int64_t samples = 10, uint32_t first_sample = 0) {
  Pass pass;
  pass.samples = samples;
  pass.training = true;
  pass.seed = 1;
  pass.step = 2;
  pass.first_sample = first_sample;
  return pass;
}

// The share of values that are equal.
inline double equal_share(const Values& a, const Values& b) {
  double equal = 0;
  for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i] ? 1 : 0;
  return equal / static_cast<double>(a.size());
}

// The place in the minibatch counts, not how that was cut into microbatches.
inline void expect_same_in_any_microbatch(const std::string& line) {
  const Values in_one_batch = made_of_ones(line, training_pass(64), 37);
  for (const uint32_t first : {0u, 5u, 20u, 36u, 37u}) {
    for (const int64_t samples : {38, 40}) {
      const int64_t place = 37 - static_cast<int64_t>(first);
      EXPECT_TRUE(test::same_bits(made_of_ones(line, training_pass(samples, first), place), in_one_batch))
          << line << " " << first << " " << samples;
    }
  }
}

// What another seed, step, sample and layer give.
inline std::vector<Values> with_other_numbers(const std::string& line) {
  Pass other_seed = training_pass();
  other_seed.seed = 2;
  Pass other_step = training_pass();
  other_step.step = 3;
  return {made_of_ones(line, other_seed, 3), made_of_ones(line, other_step, 3),
          made_of_ones(line, training_pass(), 4), made_of_ones(line, training_pass(), 3, 5)};
}

}  // namespace lockstep::nn
