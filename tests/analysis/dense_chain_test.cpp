// Dense networks in double precision: what the network itself computes, and the derivative of it.
#include "lockstep/analysis/dense_chain.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/core/error.h"
#include "nn/small_network.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

const std::vector<std::string> kDeep = {"dropout 0.5", "linear 6 name=a", "sigmoid",
                                        "dropout 0.5", "linear 5",        "tanh",
                                        "linear 6",    "leaky-relu 0.25", "linear 7 tied=a"};

// K-means as an autoencoder, and a layer without bias.
const std::vector<std::string> kCentres = {"centres 9 name=a", "winner", "linear 7 tied=a bias=no",
                                           "linear 5 bias=no"};

std::vector<double> point(int64_t size, uint32_t item) {
  const auto values = test::random_values(size, item);
  return {values.begin(), values.end()};
}

TEST(DenseChain, ComputesWhatTheNetworkDoesInEvaluation) {
  nn::SmallNetwork net({7, 1, 1}, kDeep, 1);
  const auto chain = DenseChain::of(net.network, net.parameters.data());
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->inputs(), 7);
  EXPECT_EQ(chain->outputs(), 7);
  EXPECT_EQ(chain->stages().size(), 7u) << "dropout does nothing in evaluation";
  const std::vector<double> x = point(7, 3);
  const std::vector<double> y = (*chain)(x);
  net.pass.training = false;
  nn::Values input(7 * static_cast<size_t>(net.pass.columns));
  for (size_t i = 0; i < 7; ++i) input[i * static_cast<size_t>(net.pass.columns)] = static_cast<float>(x[i]);
  net.set_input(input);
  const nn::Values expected = net.output();
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y[i], static_cast<double>(expected[i * static_cast<size_t>(net.pass.columns)]), 1e-5);
  }
}

TEST(DenseChain, ComputesWhatKMeansDoes) {
  nn::SmallNetwork net({7, 1, 1}, kCentres, 1);
  const auto chain = DenseChain::of(net.network, net.parameters.data());
  ASSERT_TRUE(chain);
  ASSERT_EQ(chain->stages().size(), 4u);
  const std::vector<double> x = point(7, 3);
  nn::Values input(7 * static_cast<size_t>(net.pass.columns));
  for (size_t i = 0; i < 7; ++i) input[i * static_cast<size_t>(net.pass.columns)] = static_cast<float>(x[i]);
  net.set_input(input);
  const nn::Values expected = net.output();
  const std::vector<double> y = (*chain)(x);
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y[i], static_cast<double>(expected[i * static_cast<size_t>(net.pass.columns)]), 1e-5);
  }
}

TEST(DenseChain, ItsJacobianIsTheCentralDifference) {
  nn::SmallNetwork net({7, 1, 1}, kDeep, 1);
  const auto chain = DenseChain::of(net.network, net.parameters.data(), true);
  ASSERT_TRUE(chain);
  const std::vector<double> x = point(7, 4);
  const std::vector<double> j = chain->jacobian(x);
  constexpr double kStep = 1e-5;
  for (size_t c = 0; c < 7; ++c) {
    std::vector<double> above = x;
    std::vector<double> below = x;
    above[c] += kStep;
    below[c] -= kStep;
    above = (*chain)(above);
    below = (*chain)(below);
    for (size_t r = 0; r < 7; ++r) EXPECT_NEAR(j[r * 7 + c], (above[r] - below[r]) / (2 * kStep), 1e-9);
  }
}

TEST(DenseChain, PutsASigmoidOnTopWhereTheLossDoes) {
  nn::SmallNetwork net({7, 1, 1}, kDeep, 1);
  const std::vector<double> x = point(7, 5);
  const std::vector<double> without = (*DenseChain::of(net.network, net.parameters.data()))(x);
  const std::vector<double> with = (*DenseChain::of(net.network, net.parameters.data(), true))(x);
  for (size_t i = 0; i < 7; ++i) EXPECT_NEAR(with[i], 1 / (1 + std::exp(-without[i])), 1e-15);
}

TEST(DenseChain, TakesTheFirstOfTheLargestAsTheWinner) {
  const DenseChain chain({nn::AffineMap{3, 1, {0, 2, 2}, {1, 0, 0}}, Winner{}});
  EXPECT_EQ(chain({1}), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(chain({0}), (std::vector<double>{1, 0, 0}));
  EXPECT_EQ(chain.jacobian({1}), (std::vector<double>{0, 0, 0}));
}

TEST(DenseChain, IsNoOtherNetwork) {
  nn::SmallNetwork convolution({1, 4, 4}, {"conv 2 kernel=3", "linear 3"}, 1);
  EXPECT_FALSE(DenseChain::of(convolution.network, convolution.parameters.data()));
  nn::SmallNetwork branches({4, 1, 1}, {"linear 3 name=a", "linear 3 from=input name=b", "add from=a,b"}, 1);
  EXPECT_FALSE(DenseChain::of(branches.network, branches.parameters.data()));
  nn::SmallNetwork skip({4, 1, 1}, {"linear 3 name=a", "linear 3 from=a name=b", "add from=a,b"}, 1);
  EXPECT_FALSE(DenseChain::of(skip.network, skip.parameters.data()));
}

}  // namespace
}  // namespace lockstep::analysis
