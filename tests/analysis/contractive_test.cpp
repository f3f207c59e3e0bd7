// The contractive penalty is the norm of the encoder's Jacobian, for every activation that it knows.
#include <gtest/gtest.h>

#include "lockstep/analysis/dense_chain.h"
#include "nn/small_network.h"

namespace lockstep::analysis {
namespace {

constexpr int64_t kSamples = 21;
constexpr int64_t kContractiveWidth = 7;

// The last line's penalty, and the same by the Jacobians at the samples.
void expect_norm_of_jacobians(const std::vector<std::string>& lines, double lambda) {
  nn::SmallNetwork net({kContractiveWidth, 1, 1}, lines, kSamples);
  net.output();
  const double found = net.network.penalty(net.workspace);
  const auto chain = DenseChain::of(net.network, net.parameters.data());
  ASSERT_TRUE(chain);
  const auto input = test::random_values(kContractiveWidth * net.pass.columns, 7);
  double expected = 0;
  for (int64_t n = 0; n < kSamples; ++n) {
    std::vector<double> x;
    for (int64_t d = 0; d < kContractiveWidth; ++d)
      x.push_back(input[static_cast<size_t>(d * net.pass.columns + n)]);
    for (const double entry : chain->jacobian(x)) expected += lambda * entry * entry;
  }
  EXPECT_GT(expected, 1);
  EXPECT_NEAR(found, expected, 2e-6 * expected) << lines[1];
}

TEST(Contractive, IsTheSquaredNormOfTheJacobian) {
  for (const char* activation :
       {"sigmoid", "tanh", "relu", "leaky-relu 0.3", "softplus", "soft-threshold 0.2", "threshold 0.2"}) {
    expect_norm_of_jacobians({"linear 9", activation, "contractive 3"}, 3);
  }
}

TEST(Contractive, IsTheSquaredNormOfTheWeightsBehindALinearLayer) {
  expect_norm_of_jacobians({"linear 9", "contractive 0.3"}, 0.3);
  expect_norm_of_jacobians({"linear 9", "contractive 0.3", "l1 0"}, 0.3);
  expect_norm_of_jacobians({"linear 9 bias=no", "l1 0", "contractive 0.3"}, 0.3);
}

}  // namespace
}  // namespace lockstep::analysis
