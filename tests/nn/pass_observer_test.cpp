#include "lockstep/nn/pass_observer.h"

#include <gtest/gtest.h>

#include "nn/small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

// Keeps what it is shown.
class Keeper : public PassObserver {
 public:
  explicit Keeper(const Network& network) : network_(network) {}
  void on_input(const Pass& pass, const float* input) override {
    this->input.assign(input, input + network_.input_shape().size() * pass.columns);
  }
  void on_output(const Pass& pass, size_t node, const float* output, double penalty) override {
    outputs[node].assign(output, output + floats(pass, node));
    penalties[node] = penalty;
  }
  void on_delta(const Pass& pass, size_t node, const float* delta) override {
    deltas[node].assign(delta, delta + floats(pass, node));
  }

  Values input;
  std::map<size_t, Values> outputs, deltas;
  std::map<size_t, double> penalties;

 private:
  int64_t floats(const Pass& pass, size_t node) const {
    return network_.nodes()[node].layer->output_shape().size() * pass.columns;
  }
  const Network& network_;
};

const std::vector<std::string> kObservedLines = {
    "conv 4 kernel=3",   "relu",   "dropout 0.3", "maxpool 2", "linear 20", "tanh", "l1 0.1",
    "linear 5 learn=no", "sigmoid"};

TEST(PassObserver, SeesEveryOutputThoughOneTakesTheMemoryOfAnother) {
  SmallNetwork whole({2, 8, 8}, kObservedLines, 5);
  Keeper keeper(whole.network);
  whole.pass.observer = &keeper;
  whole.gradient(whole.output_delta());
  for (size_t i = 0; i < kObservedLines.size(); ++i) {
    SmallNetwork cut({2, 8, 8},
                     {kObservedLines.begin(), kObservedLines.begin() + static_cast<int64_t>(i) + 1}, 5);
    for (const ParameterInfo& p : cut.network.layout().parameters())
      cut.set_part(p.layer, p.name, whole.part(whole.parameters, p.layer, p.name));
    EXPECT_TRUE(test::same_bits(keeper.outputs.at(i), cut.output())) << kObservedLines[i];
    EXPECT_EQ(keeper.penalties.at(i) > 0, kObservedLines[i] == "l1 0.1") << kObservedLines[i];
  }
}

TEST(PassObserver, SeesTheDerivativeOfEachOutputAndChangesNothing) {
  SmallNetwork seen({2, 8, 8}, kObservedLines, 5);
  SmallNetwork alone({2, 8, 8}, kObservedLines, 5);
  Keeper keeper(seen.network);
  seen.pass.observer = &keeper;
  const Values delta = seen.output_delta();
  const Values gradient = seen.gradient(delta);
  const Values expected = alone.gradient(delta);
  for (const ParameterInfo& p : seen.network.layout().parameters()) {
    if (!p.learns) continue;
    EXPECT_TRUE(test::same_bits(seen.part(gradient, p.layer, p.name), alone.part(expected, p.layer, p.name)))
        << p.layer;
  }
  EXPECT_EQ(keeper.deltas.size(), kObservedLines.size());
  EXPECT_TRUE(test::same_bits(keeper.deltas.at(kObservedLines.size() - 1), delta));
  // A bias' gradient is the sum of the derivatives with respect to its layer's output.
  const Values bias = seen.part(gradient, "linear1", "bias");
  const Values& of_linear = keeper.deltas.at(4);
  for (size_t unit = 0; unit < bias.size(); ++unit) {
    float sum = 0;
    for (size_t n = 0; n < 5; ++n) sum += of_linear[unit * static_cast<size_t>(seen.pass.columns) + n];
    EXPECT_NEAR(sum, bias[unit], 1e-5) << unit;
  }
}

}  // namespace
}  // namespace lockstep::nn
