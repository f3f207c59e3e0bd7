// Iterating an autoencoder: where it ends, and that the energy rises by what mathematics says at least.
#include "lockstep/analysis/dynamics.h"

#include <gtest/gtest.h>

#include "small_maps.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

using test::one_layer;
using test::random_encoder;
using test::random_point;
using test::random_points;
using test::Values;

Landscape closed(std::function<double(const Point&, int)> energy, bool binary = false) {
  return {std::move(energy), {}, binary, true};
}

class Iterate : public test::OnThreads {};

// r(x) = W^T W (x - m) + m with orthonormal rows.
TEST_F(Iterate, ALinearTiedAutoencoderProjectsInOneStep) {
  const Values rows = test::orthonormal_rows(2, 5);
  const Values mean = random_point(5, 9);
  nn::AffineMap encoder{2, 5, rows, {0, 0}};
  for (size_t k = 0; k < 2; ++k) {
    for (size_t i = 0; i < 5; ++i) encoder.offset[k] -= rows[k * 5 + i] * mean[i];
  }
  const Reconstruction r(one_layer(encoder, nn::scalar_function("identity"), mean));
  const auto starts = random_points(20, 5, -3, 3);
  const auto ends = iterate(team(), r, {}, starts, {.tolerance = 1e-12});
  for (size_t n = 0; n < starts.size(); ++n) {
    EXPECT_TRUE(ends[n].converged);
    EXPECT_EQ(ends[n].steps, 1);
    for (size_t i = 0; i < 5; ++i) {
      double projection = mean[i];
      for (size_t k = 0; k < 2; ++k) {
        for (size_t j = 0; j < 5; ++j)
          projection += rows[k * 5 + i] * rows[k * 5 + j] * (starts[n][j] - mean[j]);
      }
      EXPECT_NEAR(ends[n].end[i], projection, 1e-14);
    }
  }
}

TEST_F(Iterate, TheEnergyRisesByTheBoundAtLeast) {
  for (const char* name :
       {"sigmoid", "tanh", "identity", "relu", "leaky-relu", "softplus", "soft-threshold", "threshold"}) {
    const auto h = nn::scalar_function(name, 0.3);
    const auto encoder = random_encoder(9, 6, 0.5);
    const Values offset = random_point(6, 3);
    const Reconstruction r(one_layer(encoder, h, offset));
    const auto energy = [&](const Point& x, int) { return test::energy_of(encoder, h, offset, x); };
    const auto found = iterate(team(), r, closed(energy), random_points(50, 6, -2, 2), {.iterations = 40});
    int64_t steps = 0;
    for (const Trajectory& t : found) {
      EXPECT_EQ(t.violations, 0) << name;
      steps += t.steps;
      for (int64_t s = 1; s <= t.steps; ++s) {
        EXPECT_GE(t.energies[static_cast<size_t>(s)], t.energies[static_cast<size_t>(s) - 1] - 1e-10) << name;
      }
      EXPECT_EQ(t.energies[0], t.energy_at_start);
      EXPECT_EQ(t.energies[static_cast<size_t>(t.steps)], t.energy_at_end);
      EXPECT_TRUE(std::isnan(t.energies[static_cast<size_t>(t.steps) + 1]));
    }
    EXPECT_GT(steps, 100) << name;
  }
}

TEST_F(Iterate, AWrongEnergyViolatesTheBound) {
  const auto encoder = random_encoder(9, 6, 0.5);
  const Values offset = random_point(6, 3);
  const auto h = nn::scalar_function("relu");
  const Reconstruction r(one_layer(encoder, h, offset));
  const auto count = [&](double factor) {
    const auto energy = [&](const Point& x, int) { return factor * test::energy_of(encoder, h, offset, x); };
    int64_t violations = 0;
    const auto starts = random_points(50, 6, -2, 2);
    for (const auto& t : iterate(team(), r, closed(energy), starts, {.iterations = 40})) {
      violations += t.violations;
    }
    return violations;
  };
  EXPECT_EQ(count(1), 0);
  EXPECT_GT(count(0.5), 0);
  EXPECT_GT(count(-1), 100);
}

// r(x) = sigmoid(W^T sigmoid(W x + b) + c): E(x) = sum softplus(s_k) + c x + H(x).
TEST_F(Iterate, OfBinaryValuesTheEnergyRisesByTheDivergenceAtLeast) {
  const auto encoder = random_encoder(9, 6, 3);
  const Values offset = random_point(6, 3);
  const auto h = nn::scalar_function("sigmoid");
  DenseChain chain = one_layer(encoder, h, offset);
  std::vector<DenseChain::Stage> stages = chain.stages();
  stages.push_back(h);
  const Reconstruction r{DenseChain(stages)};
  const auto energy = [&](const Point& x, int) {
    double result = test::energy_of(encoder, h, Values(6), x);
    for (size_t i = 0; i < 6; ++i) {
      result +=
          0.5 * x[i] * x[i] + offset[i] * x[i] - x[i] * std::log(x[i]) - (1 - x[i]) * std::log(1 - x[i]);
    }
    return result;
  };
  const auto found =
      iterate(team(), r, closed(energy, true), random_points(50, 6, 0.01f, 0.99f), {.iterations = 40});
  for (const Trajectory& t : found) EXPECT_EQ(t.violations, 0);
  // By the bound of real values it would be another energy: 1/2 |r - x|^2 is less than KL(x, r).
  const Point x = random_point(6, 1, 0.1f, 0.9f);
  EXPECT_GT(least_rise(true, x, r(x)), least_rise(false, x, r(x)));
}

// The energies that `trainer energy` computes, the winner's among them.
TEST_F(Iterate, TheLandscapeOfAnEnergyIsFollowed) {
  for (const bool winner : {false, true}) {
    nn::AffineMap encoder = random_encoder(9, 6, 1);
    if (winner) {  // K-means: the offset is -1/2 |w|^2
      for (size_t k = 0; k < 9; ++k) {
        const Point w(&encoder.matrix[k * 6], &encoder.matrix[k * 6] + 6);
        encoder.offset[k] = -least_rise(false, w, Point(6));
      }
    }
    DenseChain::Stage h = nn::scalar_function("sigmoid");
    if (winner) h = Winner{};
    const DenseChain chain = one_layer(encoder, h, winner ? Values(6) : random_point(6, 3));
    const Energy energy(chain);
    const Landscape landscape = landscape_of(energy);
    EXPECT_TRUE(landscape.closed);
    EXPECT_FALSE(landscape.binary);
    const Reconstruction r(chain);
    const auto found = iterate(team(), r, landscape, random_points(50, 6, -2, 2), {.iterations = 40});
    for (const Trajectory& t : found) {
      EXPECT_EQ(t.violations, 0);
      EXPECT_GT(t.energy_at_end, t.energy_at_start);
    }
    EXPECT_LT(curl(r, landscape, random_point(6, 5)), 1e-14);
  }
}

TEST_F(Iterate, AnEnergyByIntegralsIsComputedAtSomeSteps) {
  const DenseChain chain = one_layer(random_encoder(9, 6, 0.5), nn::scalar_function("tanh"),
                                     random_point(6, 3), random_point(54, 4, -0.5, 0.5));
  const Energy energy(chain);
  const Reconstruction r(chain);
  const Trajectory t =
      iterate(team(), r, landscape_of(energy), {random_point(6, 7)}, {.iterations = 7, .tolerance = 0})[0];
  ASSERT_EQ(t.steps, 7);
  for (const size_t step : {0, 1, 2, 4}) EXPECT_FALSE(std::isnan(t.energies[step])) << step;
  for (const size_t step : {3, 5, 6, 7}) EXPECT_TRUE(std::isnan(t.energies[step])) << step;
  EXPECT_EQ(t.energy_at_end, energy(t.end));
  EXPECT_EQ(t.violations, 0);
  EXPECT_GT(curl(r, landscape_of(energy), random_point(6, 5)), 0.1);
}

TEST(LeastRise, IsTheDivergenceOfIndependentBinaryVariables) {
  const Point x = {0.25, 0, 1};
  const Point r = {0.5, 0.1, 0.8};
  EXPECT_NEAR(least_rise(true, x, r),
              0.25 * std::log(0.5) + 0.75 * std::log(1.5) - std::log(0.9) - std::log(0.8), 1e-15);
  EXPECT_NEAR(least_rise(false, x, r), 0.5 * (0.0625 + 0.01 + 0.04), 1e-15);
  EXPECT_EQ(least_rise(true, {0.3}, {0.3}), 0);
  EXPECT_TRUE(std::isfinite(least_rise(true, {0.5}, {1.0}))) << "a sigmoid that is rounded to 1";
}

TEST_F(Iterate, SaysWhatDoesNotConverge) {
  const Reconstruction doubling(DenseChain({nn::AffineMap{1, 1, {2}, {0}}}));
  const auto few = iterate(team(), doubling, {}, {{1}}, {.iterations = 10});
  EXPECT_FALSE(few[0].converged);
  EXPECT_EQ(few[0].steps, 10);
  EXPECT_EQ(few[0].last, 1024);
  const auto many = iterate(team(), doubling, {}, {{1}}, {.iterations = 5000});
  EXPECT_FALSE(many[0].converged);
  EXPECT_FALSE(std::isfinite(many[0].last));
  EXPECT_LT(many[0].steps, 1100);
}

TEST_F(Iterate, GivesTheSameBitsOnAnyNumberOfThreads) {
  const auto encoder = random_encoder(33, 17, 0.6f);
  const Reconstruction r(one_layer(encoder, nn::scalar_function("tanh"), random_point(17, 3)));
  const auto starts = random_points(30, 17, -2, 2);
  const auto one = iterate(team(1), r, {}, starts, {.iterations = 50});
  const auto three = iterate(team(3), r, {}, starts, {.iterations = 50});
  for (size_t i = 0; i < starts.size(); ++i) EXPECT_TRUE(test::same_bits(one[i].end, three[i].end));
}

}  // namespace
}  // namespace lockstep::analysis
