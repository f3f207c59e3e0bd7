// Layers that do not learn: no gradient, no room for one, and nothing goes backward through what is below.
#include <gtest/gtest.h>

#include <cmath>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

constexpr int64_t kFrozenSamples = 21;

const std::vector<std::string> kFrozenLines = {"linear 9 name=a", "tanh", "linear 7 name=b", "tanh",
                                               "linear 5 name=c"};

// The same network with learn=no on some of its lines.
SmallNetwork frozen(const std::vector<size_t>& which, std::vector<std::string> lines = kFrozenLines) {
  for (const size_t i : which) lines[i] += " learn=no";
  return SmallNetwork({6, 1, 1}, lines, kFrozenSamples);
}

void copy_all(const SmallNetwork& from, SmallNetwork& to) {
  for (const ParameterInfo& p : from.network.layout().parameters())
    to.set_part(p.layer, p.name, from.part(from.parameters, p.layer, p.name));
}

TEST(Frozen, ParametersLieBehindThoseThatLearn) {
  const SmallNetwork net = frozen({0, 4});
  const ParameterLayout& layout = net.network.layout();
  std::vector<std::string> names;
  for (const ParameterInfo& p : layout.parameters()) {
    names.push_back(p.layer + "/" + p.name);
    EXPECT_EQ(p.learns, p.layer == "b");
    EXPECT_EQ(p.learns, p.offset < layout.learned_floats());
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"b/weights", "b/bias", "c/weights", "c/bias", "a/weights", "a/bias"}));
  EXPECT_EQ(layout.learned_count(), 9 * 7 + 7);
}

// What learns has the gradient that it has where all learns, and nothing is written anywhere else.
TEST(Frozen, LeavesTheGradientOfTheRestAsItIs) {
  SmallNetwork all({6, 1, 1}, kFrozenLines, kFrozenSamples);
  const Values delta = all.output_delta();
  const Values expected = all.gradient(delta);
  for (const std::vector<size_t>& which : {std::vector<size_t>{0}, {2}, {4}, {0, 2}, {2, 4}}) {
    SmallNetwork net = frozen(which);
    copy_all(all, net);
    net.output();
    std::copy(delta.begin(), delta.end(), net.workspace.output_delta());
    Values found(net.parameters.size(), -7.0f);
    net.network.backward(net.pass, net.parameters.data(), net.workspace, found.data());
    for (const ParameterInfo& p : net.network.layout().parameters()) {
      const Values part = net.part(found, p.layer, p.name);
      EXPECT_TRUE(
          test::same_bits(part, p.learns ? all.part(expected, p.layer, p.name) : Values(part.size(), -7.0f)))
          << p.layer << "/" << p.name;
    }
  }
}

TEST(Frozen, LayersBelowAllThatLearnsDoNothingBackward) {
  const SmallNetwork net = frozen({0, 2});
  for (size_t i = 0; i < 4; ++i) EXPECT_FALSE(net.network.nodes()[i].goes_backward) << i;
  EXPECT_TRUE(net.network.nodes()[4].goes_backward);
  EXPECT_FALSE(net.network.nodes()[4].wants_input_delta[0]);
  const SmallNetwork above = frozen({4});
  EXPECT_TRUE(above.network.nodes()[4].goes_backward) << "what is below learns through it";
  EXPECT_FALSE(above.network.nodes()[4].has_grad);
}

TEST(Frozen, TakesNoMemoryForGoingBackward) {
  const std::vector<std::string> lines = {"linear 512 name=a", "tanh", "linear 512 name=b", "tanh",
                                          "linear 1"};
  SmallNetwork all({512, 1, 1}, lines, 16);
  std::vector<std::string> below = lines;
  below[0] += " learn=no";
  below[2] += " learn=no";
  const SmallNetwork net({512, 1, 1}, below, 16);
  EXPECT_LE(net.workspace.floats(), all.workspace.floats() - 512 * 16);
}

TEST(Frozen, WeightsAreNotJointAndSharedOnesFollowTheirOwner) {
  const SmallNetwork net(
      {40, 1, 1}, {"linear 50 name=a learn=no", "tanh", "linear 50 name=b", "linear 40 tied=a name=c"}, 5);
  ASSERT_EQ(net.network.joint_pieces().size(), 1u);
  EXPECT_EQ(net.network.joint_pieces()[0].node, 2u);
  EXPECT_FALSE(net.network.nodes()[3].learned[0]) << "a's weights";
  EXPECT_TRUE(net.network.nodes()[3].learned[1]) << "its own bias";
  for (const Span& span : net.network.separate()) EXPECT_LE(span.end, net.network.layout().learned_floats());
}

// The decoder's own bias stays, while the weights learn through both.
TEST(Frozen, IsForALayersOwnParameters) {
  SmallNetwork net({6, 1, 1}, {"linear 4 name=a", "tanh", "linear 6 tied=a name=b learn=no"}, kFrozenSamples);
  SmallNetwork all({6, 1, 1}, {"linear 4 name=a", "tanh", "linear 6 tied=a name=b"}, kFrozenSamples);
  copy_all(all, net);
  const Values delta = all.output_delta();
  EXPECT_TRUE(test::same_bits(net.part(net.gradient(delta), "a", "weights"),
                              all.part(all.gradient(delta), "a", "weights")));
}

// Batch normalisation that does not learn has constants for statistics, in training too.
TEST(Frozen, BatchnormIsWhatItIsInEvaluation) {
  SmallNetwork net({3, 4, 4}, {"conv 4 kernel=3 name=a", "batchnorm name=n learn=no", "tanh", "linear 3"},
                   kFrozenSamples);
  net.set_part("n", "running-mean", {0.1f, -0.2f, 0.3f, 0.4f});
  net.set_part("n", "running-variance", {0.5f, 2, 1.5f, 1});
  const Values in_training = net.output();
  net.pass.training = false;
  EXPECT_TRUE(test::same_bits(net.output(), in_training));
  net.pass.training = true;
  // The derivative of what is below it.
  const Values delta = net.output_delta();
  const Values gradient = net.gradient(delta);
  const ParameterInfo& p = net.info("a", "weights");
  for (int64_t i = 0; i < p.size; i += 5) {
    float& x = net.parameters[static_cast<size_t>(p.offset + i)];
    const float before = x;
    x = before + 0.01f;
    const Values above = net.output();
    x = before - 0.01f;
    const Values below = net.output();
    x = before;
    double expected = 0;
    for (size_t k = 0; k < delta.size(); ++k)
      expected += static_cast<double>(delta[k]) *
                  (static_cast<double>(above[k]) - static_cast<double>(below[k])) / 0.02;
    EXPECT_NEAR(gradient[static_cast<size_t>(p.offset + i)], expected, 2e-3 + 2e-3 * std::fabs(expected));
  }
}

// A layer that the loss reads keeps its output until then, whatever is done with it below.
TEST(ComparedLayer, KeepsItsOutput) {
  const std::vector<std::string> lines = {
      "linear 9 name=a learn=no", "tanh name=code", "corrupt masking 0.5", "linear 4", "relu", "linear 9"};
  SmallNetwork encoder({6, 1, 1}, {lines[0], lines[1]}, kFrozenSamples);
  SmallNetwork net({6, 1, 1}, lines, kFrozenSamples);
  encoder.set_part("a", "weights", net.part(net.parameters, "a", "weights"));
  encoder.set_part("a", "bias", net.part(net.parameters, "a", "bias"));
  net.network.compare_with(1);
  net.workspace = net.network.workspace(net.pass.columns);
  net.set_input(test::random_values(6 * net.pass.columns, 7));
  net.output();
  const float* code = net.workspace.output_of(1);
  EXPECT_TRUE(test::same_bits(Values(code, code + 9 * net.pass.columns), encoder.output())) << "clean";
}

TEST(ComparedLayer, IsUnsteadyWhereSomethingAboveLearnsOrActsInTrainingOnly) {
  const auto source = [](const std::vector<std::string>& lines, const std::string& name) {
    const Network network({6, 1, 1}, lines_of(lines), {"he"});
    return network.unsteady_source(network.index_of(name));
  };
  EXPECT_EQ(source({"linear 9 learn=no", "l1 0.1", "tanh name=code", "dropout", "linear 3"}, "code"), -1);
  EXPECT_EQ(source({"linear 9 learn=no", "linear 9", "tanh name=code", "linear 3"}, "code"), 1);
  EXPECT_EQ(source({"corrupt masking 0.1", "linear 9 learn=no", "tanh name=code", "linear 3"}, "code"), 0);
  EXPECT_EQ(source({"linear 9 learn=no", "contractive 1", "tanh name=code", "linear 3"}, "code"), -1);
}

}  // namespace
}  // namespace lockstep::nn
