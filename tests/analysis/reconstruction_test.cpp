// Autoencoders as maps of a space into itself: Jacobians, spectra, symmetry.
#include "lockstep/analysis/reconstruction.h"

#include <gtest/gtest.h>

#include "lockstep/kernels/linear_algebra.h"
#include "nn/small_network.h"
#include "small_maps.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

using test::one_layer;
using test::random_encoder;
using test::random_point;
using test::Values;

class ReconstructionOnThreads : public test::OnThreads {};

const nn::ScalarFunction kTanh = nn::scalar_function("tanh");

TEST(Reconstruction, OfATiedLayerHasASymmetricJacobian) {
  for (const int64_t units : {3, 12}) {  // with and without a narrow code
    const auto encoder = random_encoder(units, 7, 1);
    const Reconstruction tied(one_layer(encoder, kTanh, random_point(7, 3)));
    EXPECT_LT(asymmetry(7, tied.jacobian(random_point(7, 4))), 1e-14);
    const Reconstruction untied(one_layer(encoder, kTanh, random_point(7, 3), random_point(7 * units, 5)));
    EXPECT_GT(asymmetry(7, untied.jacobian(random_point(7, 4))), 0.1);
  }
}

TEST(Asymmetry, IsTheAntisymmetricPart) {
  EXPECT_EQ(asymmetry(2, {0, 1, -1, 0}), 2);
  EXPECT_EQ(asymmetry(2, {3, 1, 1, 5}), 0);
  EXPECT_EQ(asymmetry(2, {0, 0, 0, 0}), 0);
  EXPECT_NEAR(asymmetry(2, {1, 1, 0, 0}), 1, 1e-15);
}

TEST(Reconstruction, OfANarrowCodeHasTheSameJacobianAndSpectrumAsTheWhole) {
  const auto down = random_encoder(3, 8, 1);
  const DenseChain chain(
      {random_encoder(6, 8, 1), kTanh, nn::AffineMap{3, 6, random_point(18, 6), random_point(3, 7)},
       nn::scalar_function("sigmoid"), nn::AffineMap{8, 3, random_point(24, 8), random_point(8, 9)}});
  const Reconstruction r(chain);
  const Point x = random_point(8, 10);
  const Values whole = chain.jacobian(x);
  const Values parts = r.jacobian(x);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(parts[i], whole[i], 1e-14);
  const auto expected = kernels::eigenvalues(8, whole.data());
  const auto found = r.spectrum(x);
  ASSERT_EQ(found.size(), 8u);
  for (size_t k = 0; k < 3; ++k) EXPECT_LT(std::abs(found[k] - expected[k]), 1e-12);
  for (size_t k = 3; k < 8; ++k) EXPECT_EQ(std::abs(found[k]), 0);
}

TEST(Reconstruction, OfATiedLayerHasRealEigenvaluesByMagnitude) {
  const Reconstruction r(one_layer(random_encoder(12, 7, 1), kTanh, random_point(7, 3)));
  const Point x = random_point(7, 4);
  const auto expected = kernels::eigenvalues(7, r.jacobian(x).data());
  const auto found = r.spectrum(x);
  for (size_t k = 0; k < 7; ++k) {
    EXPECT_EQ(found[k].imag(), 0);
    EXPECT_NEAR(found[k].real(), expected[k].real(), 1e-12);
  }
}

// Two branches that are added make a network that is no chain.
const std::vector<std::string> kBranches = {"linear 9 name=a", "tanh name=b", "linear 9 from=input name=c",
                                            "add from=b,c", "linear 20"};

TEST_F(ReconstructionOnThreads, OfOtherNetworksIsDifferentiatedByDifferences) {
  const nn::SmallNetwork net({20, 1, 1}, kBranches, 1);
  const auto matrix = [&](const char* layer) { return net.part(net.parameters, layer, "weights"); };
  for (const bool sigmoid : {false, true}) {
    const Reconstruction r(net.network, net.parameters.data(), sigmoid, team(2));
    EXPECT_FALSE(r.exact());
    const Point x = random_point(20, 3);
    const Point y = r(x, 1);
    const Values found = r.jacobian(x, 1);
    const nn::Values a = matrix("a");
    const nn::Values c = matrix("c");
    const nn::Values out = matrix("linear3");
    const nn::Values bias = net.part(net.parameters, "a", "bias");
    for (size_t i = 0; i < 20; ++i) {
      for (size_t j = 0; j < 20; ++j) {
        double expected = 0;
        for (size_t k = 0; k < 9; ++k) {
          double s = static_cast<double>(bias[k]);
          for (size_t d = 0; d < 20; ++d) s += static_cast<double>(a[k * 20 + d]) * x[d];
          const double slope = 1 - std::tanh(s) * std::tanh(s);
          expected += static_cast<double>(out[i * 9 + k]) *
                      (slope * static_cast<double>(a[k * 20 + j]) + static_cast<double>(c[k * 20 + j]));
        }
        if (sigmoid) expected *= y[i] * (1 - y[i]);
        EXPECT_NEAR(found[i * 20 + j], expected, 1e-4) << i << ", " << j;
      }
    }
  }
}

TEST_F(ReconstructionOnThreads, OfADenseNetworkIsExact) {
  const nn::SmallNetwork net({7, 1, 1}, {"linear 3 name=a", "sigmoid", "linear 7 tied=a"}, 1);
  const Reconstruction r(net.network, net.parameters.data(), false, team());
  EXPECT_TRUE(r.exact());
  EXPECT_LT(asymmetry(7, r.jacobian(random_point(7, 3))), 1e-14);
}

TEST_F(ReconstructionOnThreads, RefusesWhatIsNoAutoencoder) {
  const nn::SmallNetwork net({7, 1, 1}, {"linear 3"}, 1);
  test::expect_usage_error([&] { Reconstruction(net.network, net.parameters.data(), false, team()); },
                           {"no autoencoder", "7 values", "gives 3"});
}

}  // namespace
}  // namespace lockstep::analysis
