// What training minimises: a number a sample, and its derivative with respect to the network's output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/nn/layer.h"

namespace lockstep::nn {

// What the output is compared with. Labels are one a sample; values are features x columns, and where there
// are labels but a loss needs values, values hold 1 at the label and 0 elsewhere.
struct Truth {
  const int32_t* labels = nullptr;
  const float* values = nullptr;
};

// Sums over the microbatch's samples. `error` counts wrong labels where there are labels (the largest output
// is the answer), else it is the summed squared difference of output and values.
struct LossSums {
  double loss = 0;
  double error = 0;
};

class Loss {
 public:
  virtual ~Loss() = default;
  virtual bool needs_labels() const { return false; }
  // The loss of every sample of one microbatch, summed in the order of the samples. `delta`, where given,
  // receives the derivative times delta_scale, zeros in the columns beyond the samples. Thread safe.
  virtual LossSums evaluate(const Pass& pass, int64_t features, const float* output, const Truth& truth,
                            float delta_scale, float* delta) const = 0;
};

struct LossType {
  std::string name;
  std::unique_ptr<Loss> (*make)();
};

// softmax: -log of the softmax at the label. squared: half the squared difference, summed over the features.
// cross-entropy: of the sigmoid of the output with values in [0, 1], summed over the features.
const std::vector<LossType>& loss_table();
std::unique_ptr<Loss> make_loss(const std::string& name);

}  // namespace lockstep::nn
