// Constants of classes: where the likelihood is highest, whatever lies between the energies.
#include "lockstep/analysis/class_constants.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "lockstep/core/error.h"
#include "lockstep/core/random.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

// Each class's energies are highest for its own samples, but for noise, and lie elsewhere altogether.
ClassEnergies noisy(int64_t classes, int64_t samples, double noise, double size = 1) {
  ClassEnergies energies{"train", classes, {}, {}};
  RandomStream stream(1, Purpose::kTest, 3);
  for (int64_t n = 0; n < samples; ++n) {
    const auto label = static_cast<int32_t>(stream.below(static_cast<uint32_t>(classes)));
    energies.labels.push_back(label);
    for (int64_t c = 0; c < classes; ++c) {
      const double own = c == label ? 4 : 0;
      energies.values.push_back(
          size * (own + noise * static_cast<double>(stream.normal()) - 30.0 * static_cast<double>(c)));
    }
  }
  return energies;
}

double loss_with(const ClassEnergies& energies, std::vector<double> constants, size_t c, double change) {
  constants[c] += change;
  return score_of(energies, constants).loss;
}

TEST(ClassConstants, AreWhereTheLossIsLeast) {
  for (const int64_t classes : {2, 3, 10}) {
    const ClassEnergies energies = noisy(classes, 500, 2);
    const std::vector<double> constants = fit_constants(energies);
    EXPECT_NEAR(std::accumulate(constants.begin(), constants.end(), 0.0), 0, 1e-9);
    const double least = score_of(energies, constants).loss;
    for (size_t c = 0; c < constants.size(); ++c) {
      constexpr double kStep = 1e-3;
      const double above = loss_with(energies, constants, c, kStep);
      const double below = loss_with(energies, constants, c, -kStep);
      EXPECT_GT(above, least);
      EXPECT_GT(below, least);
      EXPECT_NEAR((above - below) / (2 * kStep), 0, 1e-8) << "the gradient";
    }
    EXPECT_LT(score_of(energies, constants).error, 0.35);
    EXPECT_GT(score_of(energies, std::vector<double>(constants.size())).error, 0.4)
        << "all are answered by class 0";
  }
}

// Nothing between the classes but a gap: the constants lie in its middle, where every probability but 1 would
// be rounded to 0.
TEST(ClassConstants, LieInTheMiddleOfAWideGap) {
  ClassEnergies energies{"train", 2, {}, {}};
  for (const double own : {-3000.0, -1000.0, 1000.0, 3000.0}) {
    energies.values.insert(energies.values.end(), {0, own + 500});
    energies.labels.push_back(own > 0);
  }
  const std::vector<double> constants = fit_constants(energies);
  EXPECT_NEAR(constants[0], 250, 1e-6);
  EXPECT_NEAR(constants[1], -250, 1e-6);
  EXPECT_EQ(score_of(energies, constants).error, 0);
}

TEST(ClassConstants, DoNotDependOnHowLargeEnergiesAre) {
  for (const double size : {1.0, 100.0, 10000.0}) {
    const ClassEnergies energies = noisy(4, 400, 1, size);
    const ClassScore score = score_of(energies, fit_constants(energies));
    EXPECT_LT(score.error, 0.03) << size;
    EXPECT_TRUE(std::isfinite(score.loss)) << size;
  }
}

TEST(ClassConstants, ScoreCountsAnswers) {
  const ClassEnergies energies{"test", 3, {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0}, {0, 1, 0, 1}};
  const ClassScore score = score_of(energies, {0, 0, 0});
  EXPECT_DOUBLE_EQ(score.error, 0.5)
      << "sample 2 is answered by class 2, sample 3 by the first of equal ones";
  EXPECT_EQ(score.confusion, (std::vector<int64_t>{1, 0, 1, 1, 1, 0, 0, 0, 0}));
  const double likely = std::log(std::exp(1.0) + 2) - 1;
  const double unlikely = std::log(std::exp(1.0) + 2);
  const double tie = std::log(2 * std::exp(1.0) + 1) - 1;
  EXPECT_NEAR(score.loss, (2 * likely + unlikely + tie) / 4, 1e-12);
  EXPECT_EQ(score_of(energies, {0, 100, 0}).confusion, (std::vector<int64_t>{0, 2, 0, 0, 2, 0, 0, 0, 0}));
}

TEST(ClassConstants, NeedASampleOfEachClass) {
  ClassEnergies energies = noisy(3, 50, 1);
  for (int32_t& label : energies.labels) label = label == 1 ? 0 : label;
  test::expect_error([&] { fit_constants(energies); }, {"/train", "class 1", "3 classes"});
}

}  // namespace
}  // namespace lockstep::analysis
