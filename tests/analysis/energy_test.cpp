// Energies: the closed forms against the field that they are the potential of, and what they are known to be.
#include "lockstep/analysis/energy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lockstep/kernels/linear_algebra.h"
#include "nn/small_network.h"
#include "small_maps.h"

namespace lockstep::analysis {
namespace {

using test::one_layer;
using test::random_encoder;
using test::random_point;
using test::Values;

struct Case {
  std::string name;
  DenseChain::Stage h;
  bool binary;
};

std::ostream& operator<<(std::ostream& stream, const Case& c) { return stream << c.name; }

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool binary : {false, true}) {
    const std::string output = binary ? "_sigmoid_output" : "_linear_output";
    for (const auto& [type, parameter] : std::vector<std::pair<std::string, double>>{{"sigmoid", 0},
                                                                                     {"tanh", 0},
                                                                                     {"identity", 0},
                                                                                     {"relu", 0},
                                                                                     {"leaky-relu", 0.25},
                                                                                     {"softplus", 0},
                                                                                     {"soft-threshold", 0.5},
                                                                                     {"threshold", 0.5}}) {
      std::string name = type + output;
      std::replace(name.begin(), name.end(), '-', '_');
      all.push_back({name, nn::scalar_function(type, parameter), binary});
    }
    all.push_back({"winner" + output, Winner{}, binary});
  }
  return all;
}

constexpr int64_t kEnergyWidth = 6;
constexpr int64_t kUnits = 9;

DenseChain autoencoder(const DenseChain::Stage& h, bool binary, float size = 1,
                       const nn::AffineMap& encoder = random_encoder(kUnits, kEnergyWidth, 1)) {
  nn::AffineMap scaled = encoder;
  for (double& weight : scaled.matrix) weight *= static_cast<double>(size);
  const DenseChain chain = one_layer(scaled, h, random_point(scaled.inputs, 3));
  std::vector<DenseChain::Stage> stages = chain.stages();
  if (binary) stages.emplace_back(nn::scalar_function("sigmoid"));
  return DenseChain(stages);
}

// Where the data of such an autoencoder lie.
Point data_point(bool binary, uint32_t item) {
  return binary ? random_point(kEnergyWidth, item, 0.02f, 0.98f) : random_point(kEnergyWidth, item, -2, 2);
}

double logit(double p) { return std::log(p) - std::log1p(-p); }

class TiedEnergy : public ::testing::TestWithParam<Case> {
 protected:
  DenseChain chain_ = autoencoder(GetParam().h, GetParam().binary);
  Energy energy_{chain_};
};

INSTANTIATE_TEST_SUITE_P(Activations, TiedEnergy, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(TiedEnergy, IsTheLineIntegralOnTwoPaths) {
  ASSERT_TRUE(energy_.closed()) << energy_.description();
  EXPECT_EQ(energy_.binary(), GetParam().binary);
  for (uint32_t item = 10; item < 20; ++item) {
    const Point from = data_point(GetParam().binary, item);
    const Point to = data_point(GetParam().binary, item + 100);
    const Point corner = data_point(GetParam().binary, item + 200);
    const double rise = energy_(to) - energy_(from);
    EXPECT_NEAR(energy_.along({from, to}), rise, 1e-6);
    EXPECT_NEAR(energy_.along({from, corner, to}), rise, 1e-6);
  }
}

TEST_P(TiedEnergy, ItsGradientIsTheField) {
  constexpr double kStep = 1e-5;
  for (uint32_t item = 30; item < 40; ++item) {
    const Point x = data_point(GetParam().binary, item);
    const Point r = chain_(x);
    for (size_t i = 0; i < x.size(); ++i) {
      Point above = x;
      Point below = x;
      above[i] += kStep;
      below[i] -= kStep;
      const double field = GetParam().binary ? logit(r[i]) - logit(x[i]) : r[i] - x[i];
      EXPECT_NEAR((energy_(above) - energy_(below)) / (2 * kStep), field, 1e-6);
    }
    EXPECT_LT(energy_.curl(x), 1e-14);
  }
}

// E + 1/2 |x|^2, or E - H(x), is convex, being the integral of what does not decrease; so E rises at least by
// 1/2 |r(x) - x|^2, or KL(x, r(x)).
TEST_P(TiedEnergy, RisesAlongTheIterationByTheBound) {
  for (uint32_t draw = 0; draw < 2000; ++draw) {
    nn::AffineMap encoder{kUnits, kEnergyWidth, random_point(kUnits * kEnergyWidth, 5000 + draw),
                          random_point(kUnits, 10000 + draw, -2, 2)};
    const float size = 0.25f * static_cast<float>(1 + draw % 8);
    const DenseChain chain = autoencoder(GetParam().h, GetParam().binary, size, encoder);
    const Energy energy(chain);
    const Point x = data_point(GetParam().binary, 20000 + draw);
    const Point r = chain(x);
    const double bound = least_rise(GetParam().binary, x, r);
    EXPECT_GE(bound, -1e-12);
    const double rise = energy(r) - energy(x);
    EXPECT_GE(rise, bound - 1e-11 * (1 + std::fabs(energy(r)))) << "draw " << draw;
  }
}

TEST_P(TiedEnergy, OfRowsIsTheSame) {
  const auto rows = test::random_values(5 * kEnergyWidth, 3, 0, 1);
  const std::vector<double> found = energy_.of_rows(rows);
  ASSERT_EQ(found.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(i * kEnergyWidth);
    EXPECT_NEAR(found[i], energy_(Point(begin, begin + kEnergyWidth)), 1e-12);
  }
}

// A widely copied slide has twice the antiderivative of relu.
TEST(EnergyOfRelu, IsNotWithTheAntiderivativeOfASlide) {
  nn::ScalarFunction slide = nn::scalar_function("relu");
  slide.antiderivative_of = [](double s, double) { return ((s > 0 ? 1 : s < 0 ? -1 : 0) + 1) * s * s / 2; };
  const DenseChain chain = autoencoder(slide, false);
  const Energy energy(chain);
  const Point from = data_point(false, 1);
  const Point to = data_point(false, 2);
  EXPECT_GT(std::fabs(energy.along({from, to}) - (energy(to) - energy(from))), 0.1);
  constexpr double kStep = 1e-5;
  Point above = to;
  Point below = to;
  above[0] += kStep;
  below[0] -= kStep;
  EXPECT_GT(std::fabs((energy(above) - energy(below)) / (2 * kStep) - (chain(to)[0] - to[0])), 0.1);
}

TEST(EnergyOfSigmoid, IsMinusTheFreeEnergyOfABinaryRestrictedBoltzmannMachine) {
  const nn::AffineMap encoder = random_encoder(kUnits, kEnergyWidth, 1);
  const Energy energy(autoencoder(nn::scalar_function("sigmoid"), true, 1, encoder));
  const Point b = random_point(kEnergyWidth, 3);
  for (uint32_t bits = 0; bits < (1u << kEnergyWidth); ++bits) {
    Point v(kEnergyWidth);
    double expected = 0;
    for (size_t i = 0; i < v.size(); ++i) {
      v[i] = (bits >> i) & 1;
      expected += b[i] * v[i];
    }
    for (int64_t k = 0; k < kUnits; ++k) {
      double s = encoder.offset[static_cast<size_t>(k)];
      for (size_t i = 0; i < v.size(); ++i)
        s += encoder.matrix[static_cast<size_t>(k * kEnergyWidth) + i] * v[i];
      expected += std::log(1 + std::exp(s));
    }
    EXPECT_NEAR(energy(v), expected, 1e-12);
  }
}

TEST(EnergyOfWinner, IsMinusHalfTheSquaredDistanceToTheNearestCentre) {
  nn::AffineMap centres = random_encoder(kUnits, kEnergyWidth, 2);
  for (int64_t k = 0; k < kUnits; ++k) {
    double squares = 0;
    for (int64_t i = 0; i < kEnergyWidth; ++i)
      squares += std::pow(centres.matrix[static_cast<size_t>(k * kEnergyWidth + i)], 2);
    centres.offset[static_cast<size_t>(k)] = -squares / 2;
  }
  const Energy energy(one_layer(centres, Winner{}, Point(kEnergyWidth)));
  for (uint32_t item = 0; item < 50; ++item) {
    const Point x = random_point(kEnergyWidth, 50 + item, -3, 3);
    double nearest = std::numeric_limits<double>::infinity();
    for (int64_t k = 0; k < kUnits; ++k) {
      double squares = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        squares += std::pow(x[i] - centres.matrix[static_cast<size_t>(k * kEnergyWidth) + i], 2);
      }
      nearest = std::min(nearest, squares);
    }
    EXPECT_NEAR(energy(x), -nearest / 2, 1e-12);
  }
}

// W of orthonormal principal directions, biases that match the mean: what is left is what PCA leaves.
TEST(EnergyOfIdentity, IsMinusHalfTheResidualOfPca) {
  constexpr int64_t kSamples = 40;
  constexpr int64_t kKept = 2;
  const Values data = random_point(kSamples * kEnergyWidth, 9);
  Point mean(kEnergyWidth);
  for (size_t i = 0; i < data.size(); ++i) mean[i % kEnergyWidth] += data[i] / kSamples;
  std::vector<double> covariance(kEnergyWidth * kEnergyWidth);
  for (size_t n = 0; n < kSamples; ++n) {
    for (size_t i = 0; i < kEnergyWidth; ++i) {
      for (size_t j = 0; j < kEnergyWidth; ++j) {
        covariance[i * kEnergyWidth + j] +=
            (data[n * kEnergyWidth + i] - mean[i]) * (data[n * kEnergyWidth + j] - mean[j]) / kSamples;
      }
    }
  }
  const auto eigen = kernels::symmetric_eigen(kEnergyWidth, covariance.data());
  nn::AffineMap encoder{
      kKept, kEnergyWidth, {eigen.vectors.begin(), eigen.vectors.begin() + kKept * kEnergyWidth}, {}};
  for (size_t k = 0; k < kKept; ++k) {
    encoder.offset.push_back(0);
    for (size_t i = 0; i < kEnergyWidth; ++i)
      encoder.offset[k] -= eigen.vectors[k * kEnergyWidth + i] * mean[i];
  }
  const Energy energy(one_layer(encoder, nn::scalar_function("identity"), mean));
  double sum = 0;
  for (size_t n = 0; n < kSamples; ++n) {
    const Point x(data.begin() + static_cast<std::ptrdiff_t>(n * kEnergyWidth),
                  data.begin() + static_cast<std::ptrdiff_t>((n + 1) * kEnergyWidth));
    double residual = 0;
    for (size_t k = kKept; k < kEnergyWidth; ++k) {
      double projection = 0;
      for (size_t i = 0; i < kEnergyWidth; ++i)
        projection += eigen.vectors[k * kEnergyWidth + i] * (x[i] - mean[i]);
      residual += projection * projection;
    }
    EXPECT_NEAR(energy(x), -residual / 2, 1e-12);
    sum += energy(x);
  }
  double discarded = 0;
  for (size_t k = kKept; k < kEnergyWidth; ++k) discarded += eigen.values[k];
  EXPECT_NEAR(sum / kSamples, -discarded / 2, 1e-12);
}

TEST(EnergyOfUntied, IsALineIntegralThatDependsOnThePath) {
  for (const bool binary : {false, true}) {
    const DenseChain untied =
        one_layer(random_encoder(kUnits, kEnergyWidth, 1), nn::scalar_function("tanh"),
                  random_point(kEnergyWidth, 3), random_point(kUnits * kEnergyWidth, 4));
    std::vector<DenseChain::Stage> stages = untied.stages();
    if (binary) stages.emplace_back(nn::scalar_function("sigmoid"));
    const Point start = data_point(binary, 1);
    const Energy energy(DenseChain(stages), start);
    ASSERT_FALSE(energy.closed());
    const Point x = data_point(binary, 2);
    EXPECT_GT(energy.curl(x), 0.1);
    EXPECT_NEAR(energy(x), energy.along({start, x}), 1e-6);
    EXPECT_EQ(energy(start), 0);
    EXPECT_GT(std::fabs(energy.along({start, data_point(binary, 3), x}) - energy(x)), 1e-3);
    EXPECT_NEAR(energy.along({start, x, start}), 0, 1e-9) << "to and fro";
  }
}

// Its Jacobian is symmetric, so there is a potential, but none of the table.
TEST(EnergyOfADeepNetwork, IsALineIntegral) {
  const nn::AffineMap first = random_encoder(kUnits, kEnergyWidth, 1);
  const nn::AffineMap square{kUnits, kUnits, random_point(kUnits * kUnits, 5), random_point(kUnits, 6)};
  nn::AffineMap last{kEnergyWidth, kUnits, test::transposed(first), random_point(kEnergyWidth, 7)};
  const Energy energy(
      DenseChain({first, nn::scalar_function("tanh"), square, nn::scalar_function("tanh"), last}));
  EXPECT_FALSE(energy.closed());
  const Point x = data_point(false, 1);
  constexpr double kStep = 1e-4;
  Point beyond = x;
  Point before = x;
  for (double& value : beyond) value *= 1 + kStep;
  for (double& value : before) value *= 1 - kStep;
  // Along the line from the start, which is 0, the derivative is the field.
  const DenseChain r({first, nn::scalar_function("tanh"), square, nn::scalar_function("tanh"), last});
  double field = 0;
  for (size_t i = 0; i < x.size(); ++i) field += (r(x)[i] - x[i]) * x[i];
  EXPECT_NEAR((energy(beyond) - energy(before)) / (2 * kStep), field, 1e-5);
}

TEST(EnergyOfSigmoidOutput, IsOfValuesFromZeroToOne) {
  const Energy energy(autoencoder(nn::scalar_function("sigmoid"), true));
  Point x = data_point(true, 1);
  EXPECT_TRUE(std::isfinite(energy(x)));
  x[2] = 1;
  EXPECT_TRUE(std::isfinite(energy(x)));
  x[2] = 1.01;
  EXPECT_TRUE(std::isnan(energy(x)));
  x[2] = -0.01;
  EXPECT_TRUE(std::isnan(energy(x)));
}

class EnergyOfANetwork : public test::OnThreads {
 protected:
  Energy energy(const nn::SmallNetwork& net, bool sigmoid_on_top) {
    return {net.network, {"he"}, net.parameters.data(), sigmoid_on_top, team(2)};
  }
};

TEST_F(EnergyOfANetwork, KnowsTiedWeights) {
  const nn::SmallNetwork net({7, 1, 1}, {"dropout 0.5", "linear 5 name=a", "softplus", "linear 7 tied=a"}, 1);
  const Energy tied = energy(net, false);
  EXPECT_TRUE(tied.closed());
  EXPECT_FALSE(tied.binary());
  EXPECT_TRUE(energy(net, true).binary());
  const nn::SmallNetwork untied({7, 1, 1}, {"linear 5", "softplus", "linear 7"}, 1);
  EXPECT_FALSE(energy(untied, false).closed());
  const nn::SmallNetwork classifier({7, 1, 1}, {"linear 5", "softplus", "linear 3"}, 1);
  EXPECT_THROW(energy(classifier, false), Error);
}

// Convolutions of 1x1 pictures are dense layers, which are integrated in double precision.
TEST_F(EnergyOfANetwork, IntegratesConvolutionsInSinglePrecision) {
  for (const bool sigmoid : {false, true}) {
    std::vector<std::string> lines = {"conv 5 kernel=1", "tanh", "conv 4 kernel=1"};
    if (sigmoid) lines.push_back("sigmoid");
    const nn::SmallNetwork net({4, 1, 1}, lines, 1);
    const auto doubles = [&](const char* layer, const char* name) {
      const auto values = net.part(net.parameters, layer, name);
      return Values(values.begin(), values.end());
    };
    std::vector<DenseChain::Stage> stages = {
        nn::AffineMap{5, 4, doubles("conv1", "weights"), doubles("conv1", "bias")},
        nn::scalar_function("tanh"),
        nn::AffineMap{4, 5, doubles("conv2", "weights"), doubles("conv2", "bias")}};
    if (sigmoid) stages.emplace_back(nn::scalar_function("sigmoid"));
    const Energy exact{DenseChain(stages)};
    const Energy found = energy(net, false);
    EXPECT_FALSE(found.closed());
    EXPECT_EQ(found.binary(), sigmoid);
    const Point x = random_point(4, 1, 0.1f, 0.9f);
    EXPECT_NEAR(found(x), exact(x), 1e-5);
    EXPECT_NEAR(found.curl(x), exact.curl(x), 1e-3);
    EXPECT_GT(found.curl(x), 0.05);
    if (sigmoid) continue;
    // The loss's sigmoid is one too.
    stages.emplace_back(nn::scalar_function("sigmoid"));
    EXPECT_NEAR(energy(net, true)(x), Energy(DenseChain(stages))(x), 1e-5);
  }
}

TEST_F(EnergyOfANetwork, IsTheSameForEveryRowOnAnyNumberOfThreads) {
  const Energy energy(autoencoder(nn::scalar_function("sigmoid"), true));
  Rows rows{70, kEnergyWidth, test::random_values(70 * kEnergyWidth, 4, 0, 1)};
  const std::vector<double> one = energies(team(1), energy, rows);
  const std::vector<double> three = energies(team(3), energy, rows);
  ASSERT_EQ(one.size(), 70u);
  EXPECT_EQ(one, three);
  const auto row = rows.row(69);
  EXPECT_NEAR(one[69], energy(Point(row.begin(), row.end())), 1e-12);
}

TEST_F(EnergyOfANetwork, TellsHowFarItDependsOnThePath) {
  const Rows rows{3, kEnergyWidth, test::random_values(3 * kEnergyWidth, 4)};
  const PathDependence none =
      path_dependence(team(2), Energy(autoencoder(nn::scalar_function("tanh"), false)), rows);
  EXPECT_LT(none.curl, 1e-14);
  EXPECT_LT(none.difference, 1e-6);
  const Energy untied(one_layer(random_encoder(kUnits, kEnergyWidth, 1), nn::scalar_function("tanh"),
                                random_point(kEnergyWidth, 3), random_point(kUnits * kEnergyWidth, 4)));
  const PathDependence some = path_dependence(team(2), untied, rows);
  EXPECT_GT(some.curl, 0.1);
  EXPECT_GT(some.difference, 1e-2);
}

}  // namespace
}  // namespace lockstep::analysis
