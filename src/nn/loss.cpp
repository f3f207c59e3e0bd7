#include "lockstep/nn/loss.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/kernels/vector_math.h"

namespace lockstep::nn {

namespace {

using kernels::kLanes;
using Lanes = std::array<float, kLanes>;

// Samples are treated a vector at a time: calls visit(first column, how many of the lanes are samples).
template <class Visit>
void for_each_vector(const Pass& pass, const Visit& visit) {
  for (int64_t n = 0; n < pass.columns; n += kLanes)
    visit(n, std::min(kLanes, std::max<int64_t>(pass.samples - n, 0)));
}

double sum_of(const Lanes& lanes, int64_t samples) {
  double sum = 0;
  for (int64_t l = 0; l < samples; ++l) sum += static_cast<double>(lanes[static_cast<size_t>(l)]);
  return sum;
}

void clear_beyond(int64_t samples, float* row) {
  for (int64_t l = samples; l < kLanes; ++l) row[l] = 0.0f;
}

// How many of the lanes' largest outputs are not at their label; of equal outputs the first counts.
double count_wrong(const Pass& pass, int64_t features, const float* output, const int32_t* labels) {
  double wrong = 0;
  for (int64_t n = 0; n < pass.samples; ++n) {
    int64_t best = 0;
    for (int64_t f = 1; f < features; ++f) {
      if (output[f * pass.columns + n] > output[best * pass.columns + n]) best = f;
    }
    if (best != labels[n]) wrong += 1;
  }
  return wrong;
}

class Softmax : public Loss {
 public:
  bool needs_labels() const override { return true; }

  LossSums evaluate(const Pass& pass, int64_t features, const float* output, const Truth& truth,
                    float delta_scale, float* delta) const override {
    LossSums sums;
    sums.error = count_wrong(pass, features, output, truth.labels);
    for_each_vector(pass, [&](int64_t n, int64_t samples) {
      Lanes highest;
      Lanes total{};
      std::copy_n(output + n, kLanes, highest.data());
      for (int64_t f = 1; f < features; ++f) {
        for (size_t l = 0; l < kLanes; ++l)
          highest[l] = std::max(highest[l], output[f * pass.columns + n + static_cast<int64_t>(l)]);
      }
      for (int64_t f = 0; f < features; ++f) {
        for (size_t l = 0; l < kLanes; ++l)
          total[l] += kernels::vexp(output[f * pass.columns + n + static_cast<int64_t>(l)] - highest[l]);
      }
      for (int64_t l = 0; l < samples; ++l) {
        const size_t lane = static_cast<size_t>(l);
        const float at_label = output[truth.labels[n + l] * pass.columns + n + l];
        sums.loss += std::log(static_cast<double>(total[lane])) + static_cast<double>(highest[lane]) -
                     static_cast<double>(at_label);
      }
      if (delta == nullptr) return;
      for (int64_t f = 0; f < features; ++f) {
        float* row = delta + f * pass.columns + n;
        const float* out = output + f * pass.columns + n;
        for (size_t l = 0; l < kLanes; ++l)
          row[l] = delta_scale * kernels::vexp(out[l] - highest[l]) / total[l];
        clear_beyond(samples, row);
      }
      for (int64_t l = 0; l < samples; ++l) delta[truth.labels[n + l] * pass.columns + n + l] -= delta_scale;
    });
    return sums;
  }
};

// The losses that are a sum over features of a function of one output and one value.
template <class Function>
class Elementwise : public Loss {
 public:
  LossSums evaluate(const Pass& pass, int64_t features, const float* output, const Truth& truth,
                    float delta_scale, float* delta) const override {
    LossSums sums;
    for_each_vector(pass, [&](int64_t n, int64_t samples) {
      Lanes loss{};
      Lanes error{};
      Lanes outside{};
      for (int64_t f = 0; f < features; ++f) {
        const float* out = output + f * pass.columns + n;
        const float* value = truth.values + f * pass.columns + n;
        for (size_t l = 0; l < kLanes; ++l) {
          const float difference = Function::answer(out[l]) - value[l];
          loss[l] += Function::loss(out[l], value[l]);
          error[l] += difference * difference;
          outside[l] = Function::accepts(value[l]) ? outside[l] : value[l];
        }
        if (delta == nullptr) continue;
        float* row = delta + f * pass.columns + n;
        for (size_t l = 0; l < kLanes; ++l) row[l] = delta_scale * (Function::answer(out[l]) - value[l]);
        clear_beyond(samples, row);
      }
      for (int64_t l = 0; l < samples; ++l)
        Function::complain_unless_accepted(outside[static_cast<size_t>(l)]);
      sums.loss += sum_of(loss, samples);
      sums.error += sum_of(error, samples);
    });
    if (truth.labels != nullptr) sums.error = count_wrong(pass, features, output, truth.labels);
    return sums;
  }
};

struct Squared {
  static float answer(float output) { return output; }
  static bool accepts(float) { return true; }
  static void complain_unless_accepted(float) {}
  static float loss(float output, float value) { return 0.5f * (output - value) * (output - value); }
};

struct CrossEntropy {
  static float answer(float output) { return kernels::vsigmoid(output); }
  static bool accepts(float value) { return value >= 0.0f && value <= 1.0f; }
  static void complain_unless_accepted(float value) {
    if (accepts(value)) return;
    fail("loss = cross-entropy met the value ", value,
         ", and takes values from 0 to 1; set the dataset's scale so that ",
         "its values lie there (1/255 for bytes), leave out normalise, let a target layer end in a sigmoid, ",
         "or take loss = squared");
  }
  // -t log s - (1 - t) log(1 - s) with s = sigmoid(x), without overflow.
  static float loss(float output, float value) { return kernels::vsoftplus(output) - value * output; }
};

template <class Type>
std::unique_ptr<Loss> make() {
  return std::make_unique<Type>();
}

}  // namespace

const std::vector<LossType>& loss_table() {
  static const std::vector<LossType> table = {{"softmax", make<Softmax>},
                                              {"squared", make<Elementwise<Squared>>},
                                              {"cross-entropy", make<Elementwise<CrossEntropy>>}};
  return table;
}

std::unique_ptr<Loss> make_loss(const std::string& name) {
  for (const LossType& type : loss_table()) {
    if (type.name == name) return type.make();
  }
  fail_usage("there is no loss '", name, "'");
}

}  // namespace lockstep::nn
