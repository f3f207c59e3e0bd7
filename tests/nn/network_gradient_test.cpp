// Whole networks: the gradient through graphs, shared and tied parameters, and what reaches the loss.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "lockstep/nn/loss.h"
#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

// Every parameter's derivative of <delta, output>, and of the penalties, against its central difference.
void expect_gradient(SmallNetwork& net) {
  const Values delta = net.output_delta();
  const Values found = net.gradient(delta);
  constexpr float kStep = 0.01f;
  for (const ParameterInfo& p : net.network.layout().parameters()) {
    if (p.keep) continue;  // a statistic has no derivative
    for (int64_t i = 0; i < p.size; ++i) {
      float& x = net.parameters[static_cast<size_t>(p.offset + i)];
      const float before = x;
      x = before + kStep;
      const Values above = net.output();
      const double penalty_above = net.network.penalty(net.workspace);
      x = before - kStep;
      const Values below = net.output();
      x = before;
      const double penalties = penalty_above - net.network.penalty(net.workspace);
      double expected = penalties / static_cast<double>(net.pass.minibatch) / (2.0 * 0.01);
      for (size_t k = 0; k < delta.size(); ++k) {
        expected += static_cast<double>(delta[k]) *
                    (static_cast<double>(above[k]) - static_cast<double>(below[k])) / (2.0 * 0.01);
      }
      ASSERT_NEAR(static_cast<double>(found[static_cast<size_t>(p.offset + i)]), expected,
                  2e-3 + 2e-3 * std::fabs(expected))
          << p.layer << "/" << p.name << " number " << i;
    }
  }
}

TEST(NetworkGradient, OfAChain) {
  SmallNetwork net({2, 8, 7}, {"conv 3 kernel=3", "tanh", "avgpool 2", "linear 6", "sigmoid", "linear 4"}, 5);
  expect_gradient(net);
}

TEST(NetworkGradient, OfALayerThatIsReadTwice) {
  SmallNetwork net({6, 1, 1},
                   {"linear 5 name=stem", "tanh name=left", "sigmoid name=right from=stem",
                    "add from=left,right", "linear 3"},
                   5);
  expect_gradient(net);
}

TEST(NetworkGradient, OfALayerThatIsAddedToItself) {
  SmallNetwork net({4, 1, 1}, {"linear 5 name=stem", "tanh name=t", "add from=t,t,stem", "linear 2"}, 3);
  expect_gradient(net);
}

TEST(NetworkGradient, OfASumThatReadsTheInputItself) {
  SmallNetwork net({5, 1, 1}, {"linear 5 name=a", "softplus name=b", "add from=input,b", "linear 2"}, 3);
  expect_gradient(net);
}

TEST(NetworkGradient, OfResidualBlocks) {
  SmallNetwork net({2, 5, 4},
                   {"conv 3 kernel=1 name=stem", "conv 3 kernel=3 pad=1", "tanh name=inner",
                    "add from=stem,inner name=sum", "conv 3 kernel=3 pad=1 name=second", "tanh name=outer",
                    "add from=sum,outer,stem", "subsample 2", "linear 3"},
                   4);
  expect_gradient(net);
}

TEST(NetworkGradient, OfNormalisedResidualBlocks) {
  SmallNetwork net({2, 5, 4},
                   {"conv 3 kernel=1 name=stem", "batchnorm name=n", "tanh name=t", "conv 3 kernel=3 pad=1",
                    "batchnorm share=n name=m", "add from=t,m", "globalavgpool", "linear 3"},
                   4);
  expect_gradient(net);
}

// What a deconvolution and what it reads give is added up.
TEST(NetworkGradient, OfDeconvolutionsInAGraph) {
  SmallNetwork net({2, 3, 2},
                   {"deconv 3 kernel=3 pad=1 name=a", "tanh name=t", "deconv 3 kernel=3 pad=1 name=b",
                    "deconv 3 kernel=1 from=t name=c", "add from=b,c,t", "deconv 1 kernel=4 stride=2"},
                   4);
  expect_gradient(net);
}

TEST(NetworkGradient, OfTiedWeights) {
  SmallNetwork net({9, 1, 1}, {"linear 4 name=encode", "sigmoid", "linear 9 tied=encode"}, 5);
  expect_gradient(net);
}

TEST(NetworkGradient, OfParametersThatThreeLayersShare) {
  SmallNetwork net(
      {5, 1, 1}, {"linear 5 name=a", "tanh", "linear 5 share=a", "tanh", "linear 5 share=a", "linear 2"}, 5);
  expect_gradient(net);
}

TEST(NetworkGradient, WithDropoutIsThatOfTheValuesWhichStayed) {
  SmallNetwork net({5, 1, 1}, {"linear 8", "tanh", "dropout 0.5", "linear 3"}, 5);
  expect_gradient(net);
}

// Reconstruction ICA: l1 on the code, the decoder tied, no biases.
TEST(NetworkGradient, OfReconstructionIca) {
  SmallNetwork net({9, 1, 1}, {"linear 4 bias=no name=w", "l1 0.2", "linear 9 tied=w bias=no"}, 5);
  expect_gradient(net);
}

TEST(NetworkGradient, OfPenaltiesInEveryDepth) {
  SmallNetwork net({6, 1, 1},
                   {"corrupt gaussian 0.3", "linear 5 name=a", "sigmoid", "contractive 0.4", "kl 0.1 0.5",
                    "corrupt masking 0.3", "linear 4 name=b", "tanh", "l1 0.1", "contractive 0.3",
                    "linear 5 tied=b", "softplus", "contractive 0.2", "linear 6 tied=a", "contractive 0.1"},
                   5);
  expect_gradient(net);
}

// A penalty reads the layer that another one reads too.
TEST(NetworkGradient, OfAPenaltyBesideTheNextLayer) {
  SmallNetwork net({6, 1, 1},
                   {"linear 5", "sigmoid name=h", "contractive 0.4 name=p", "linear 3 from=h name=a",
                    "linear 3 from=p name=b", "add from=a,b"},
                   5);
  expect_gradient(net);
}

// The derivative with respect to shared parameters is the sum of those with respect to copies.
TEST(SharedParameters, HaveTheSumOfTheGradientsOfCopies) {
  const std::vector<std::string> rest = {"tanh", "linear 3 name=last"};
  SmallNetwork shared({6, 1, 1}, {"linear 6 name=a", "tanh", "linear 6 name=b share=a", rest[0], rest[1]}, 5);
  SmallNetwork copies({6, 1, 1}, {"linear 6 name=a", "tanh", "linear 6 name=b", rest[0], rest[1]}, 5);
  for (const char* name : {"weights", "bias"}) {
    copies.set_part("a", name, shared.part(shared.parameters, "a", name));
    copies.set_part("b", name, shared.part(shared.parameters, "a", name));
    copies.set_part("last", name, shared.part(shared.parameters, "last", name));
  }
  const Values delta = shared.output_delta();
  EXPECT_TRUE(test::same_bits(shared.output(), copies.output()));
  const Values of_shared = shared.gradient(delta);
  const Values of_copies = copies.gradient(delta);
  for (const char* name : {"weights", "bias"}) {
    const Values found = shared.part(of_shared, "a", name);
    const Values a = copies.part(of_copies, "a", name);
    const Values b = copies.part(of_copies, "b", name);
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], a[i] + b[i], 1e-5f) << name << " " << i;
  }
}

TEST(SharedParameters, AreStoredOnce) {
  const SmallNetwork net({6, 1, 1}, {"linear 6 name=a", "linear 6 share=a", "linear 6 tied=a name=c"}, 1);
  const auto& p = net.network.layout().parameters();
  ASSERT_EQ(p.size(), 3u);  // c's bias, a's weights and bias
  EXPECT_EQ(p[0].layer + "/" + p[0].name, "c/bias");
  EXPECT_EQ(p[1].layer + "/" + p[1].name, "a/weights");
  EXPECT_EQ(p[2].layer + "/" + p[2].name, "a/bias");
}

TEST(TiedWeights, AreTheTransposeOfTheOthers) {
  SmallNetwork tied({6, 1, 1}, {"linear 4 name=a", "linear 6 tied=a name=b"}, 5);
  SmallNetwork copy({6, 1, 1}, {"linear 4 name=a", "linear 6 name=b"}, 5);
  const Values weights = tied.part(tied.parameters, "a", "weights");  // 4 x 6
  Values transposed(weights.size());
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 6; ++j) transposed[j * 4 + i] = weights[i * 6 + j];
  }
  copy.set_part("a", "weights", weights);
  copy.set_part("b", "weights", transposed);
  for (const char* layer : {"a", "b"})
    copy.set_part(layer, "bias", tied.part(tied.parameters, layer, "bias"));
  const Values found = tied.output();
  const Values expected = copy.output();
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5f);
}

TEST(Network, PutsTheLastLayersParametersFirst) {
  const SmallNetwork net({3, 6, 6}, {"conv 4 kernel=3", "maxpool 2", "linear 5", "relu", "linear 2"}, 1);
  std::vector<std::string> names;
  for (const ParameterInfo& p : net.network.layout().parameters()) names.push_back(p.layer + "/" + p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"linear2/weights", "linear2/bias", "linear1/weights",
                                             "linear1/bias", "conv1/weights", "conv1/bias"}));
  EXPECT_EQ(net.network.layout().parameters()[4].dims, (std::vector<int64_t>{4, 3, 3, 3}));
  EXPECT_EQ(net.network.layout().parameters()[2].dims, (std::vector<int64_t>{5, 4 * 2 * 2}));
}

TEST(Network, LeavesThePaddingBetweenParametersAlone) {
  SmallNetwork net({6, 1, 1}, {"linear 5", "tanh", "linear 3"}, 5);
  net.output();
  const Values delta = net.output_delta();
  std::copy(delta.begin(), delta.end(), net.workspace.output_delta());
  Values gradient(net.parameters.size(), -7.0f);
  net.network.backward(net.pass, net.parameters.data(), net.workspace, gradient.data());
  for (const ParameterInfo& p : net.network.layout().parameters()) {
    for (int64_t i = 0; i < (p.size + kBlock - 1) / kBlock * kBlock; ++i) {
      const bool padding = i >= p.size;
      EXPECT_EQ(gradient[static_cast<size_t>(p.offset + i)] == -7.0f, padding)
          << p.layer << "/" << p.name << " " << i;
    }
  }
}

// What backward() calls final is, also of weights that a layer far below writes to again.
TEST(NetworkGradient, TellsHowMuchOfItIsFinal) {
  SmallNetwork net({6, 1, 1},
                   {"linear 5 name=a", "tanh", "linear 5 name=b", "tanh", "linear 5 share=b name=c", "tanh",
                    "linear 3 name=d"},
                   4);
  const Values delta = net.output_delta();
  const Values whole = net.gradient(delta);
  net.output();
  std::copy(delta.begin(), delta.end(), net.workspace.output_delta());
  Values gradient(whole.size());
  std::vector<int64_t> told;
  net.network.backward(net.pass, net.parameters.data(), net.workspace, gradient.data(), nullptr,
                       [&](int64_t floats) {
                         told.push_back(floats);
                         EXPECT_TRUE(std::equal(gradient.begin(), gradient.begin() + floats, whole.begin()));
                       });
  const auto offset = [&](const std::string& layer) {
    for (const ParameterInfo& p : net.network.layout().parameters()) {
      if (p.layer == layer) return p.offset;
    }
    return int64_t{-1};
  };
  const int64_t b = offset("b");
  const int64_t a = offset("a");
  const std::vector<int64_t> expected = {b, b, b, b, a, a, net.network.layout().floats()};
  EXPECT_EQ(told, expected) << "d's are final at once; b's, which c shares, when b has added its own";
}

// Joint gradients are those of the microbatches, added.
TEST(JointGradients, AreTheSumsOfTheSeparateOnes) {
  SmallNetwork net({40, 1, 1}, {"linear 50 name=a", "tanh", "linear 30 name=b", "linear 50 tied=b name=c"},
                   20);
  const int64_t floats = net.network.layout().floats();
  ASSERT_EQ(net.network.joint_pieces().size(), 1u) << "b's weights serve two layers, and are not joint";
  Values separate(static_cast<size_t>(floats));
  Values joint(static_cast<size_t>(floats), 1e9f);
  std::vector<Values> kept_values;
  std::vector<Kept> kept;
  for (uint32_t m = 0; m < 3; ++m) {
    net.set_input(test::random_values(40 * net.pass.columns, 50 + m));
    const Values delta = net.output_delta();
    const Values gradient = net.gradient(delta);
    for (size_t i = 0; i < separate.size(); ++i) separate[i] += gradient[i];
    kept_values.emplace_back(static_cast<size_t>(net.network.kept_floats(net.pass.columns)));
    net.output();
    std::copy(delta.begin(), delta.end(), net.workspace.output_delta());
    Values rest(static_cast<size_t>(floats), -7.0f);
    net.network.backward(net.pass, net.parameters.data(), net.workspace, rest.data(),
                         kept_values.back().data());
    EXPECT_EQ(net.part(rest, "a", "weights")[3], -7.0f) << "left out";
    EXPECT_EQ(net.part(rest, "b", "weights"), net.part(gradient, "b", "weights"));
    EXPECT_EQ(net.part(rest, "a", "bias"), net.part(gradient, "a", "bias"));
  }
  for (const Values& values : kept_values) kept.push_back({values.data(), net.pass.columns});
  for (const JointPiece& piece : net.network.joint_pieces()) {
    net.network.joint_gradient(piece, kept, std::vector<int>{0, 1, 1}, joint.data());
  }
  const Values found = net.part(joint, "a", "weights");
  const Values expected = net.part(separate, "a", "weights");
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4f) << i;
}

// Whatever stands between: a diverged network must not look healthy.
TEST(Network, ANanInTheInputReachesTheLoss) {
  const std::vector<std::string> layers = {
      "linear 6",  "relu",          "leaky-relu",        "sigmoid",
      "tanh",      "softplus",      "dropout 0",         "maxpool 2",
      "avgpool 2", "subsample 2",   "conv 3 kernel=2",   "add from=input,input",
      "batchnorm", "globalavgpool", "deconv 3 kernel=2", "maxpool 3 edge=keep"};
  for (const std::string& layer : layers) {
    for (const LossType& type : loss_table()) {
      SmallNetwork net({2, 4, 4}, {layer, "linear 5"}, 3);
      Values input = test::random_values(32 * net.pass.columns, 7);
      input[static_cast<size_t>(21 * net.pass.columns + 1)] = std::numeric_limits<float>::quiet_NaN();
      net.set_input(input);
      const Values output = net.output();
      const std::vector<int32_t> labels(static_cast<size_t>(net.pass.columns), 2);
      const Values values(output.size(), 0.5f);
      const LossSums sums =
          type.make()->evaluate(net.pass, 5, output.data(), {labels.data(), values.data()}, 1.0f, nullptr);
      EXPECT_TRUE(std::isnan(sums.loss)) << layer << " with " << type.name;
    }
  }
}

// The transpose of the convolution that it is tied to: what an own copy of its weights gives, and their
// gradient is the sum of both.
TEST(TiedDeconv, IsTheConvolutionTransposed) {
  const std::vector<std::string> lines = {"conv 3 kernel=3 stride=2 name=a", "tanh",
                                          "deconv 2 kernel=3 stride=2 name=b"};
  SmallNetwork own({2, 7, 7}, lines, 9);
  SmallNetwork tied({2, 7, 7}, {lines[0], lines[1], lines[2] + " tied=a"}, 9);
  const Values weights = own.part(own.parameters, "a", "weights");
  own.set_part("b", "weights", weights);
  tied.set_part("a", "weights", weights);
  for (const char* layer : {"a", "b"}) tied.set_part(layer, "bias", own.part(own.parameters, layer, "bias"));
  EXPECT_TRUE(test::same_bits(tied.output(), own.output()));
  const Values delta = own.output_delta();
  const Values expected = own.gradient(delta);
  const Values found = tied.gradient(delta);
  const Values sum = tied.part(found, "a", "weights");
  for (size_t i = 0; i < sum.size(); ++i) {
    EXPECT_NEAR(sum[i], own.part(expected, "a", "weights")[i] + own.part(expected, "b", "weights")[i], 1e-4f);
  }
  EXPECT_TRUE(test::same_bits(tied.part(found, "b", "bias"), own.part(expected, "b", "bias")));
}

TEST(TiedDeconv, OfAConvolutionThatDoesNotLearnLearnsItsBias) {
  SmallNetwork net({2, 5, 5}, {"conv 3 kernel=3 name=a learn=no", "tanh", "deconv 2 kernel=3 tied=a name=b"},
                   9);
  const Values gradient = net.gradient(net.output_delta());
  for (const float value : net.part(gradient, "b", "bias")) EXPECT_NE(value, 0);
  for (const float value : net.part(gradient, "a", "weights")) EXPECT_EQ(value, 0);
}

}  // namespace
}  // namespace lockstep::nn
