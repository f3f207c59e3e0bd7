// The decoder as the encoder smoothed by the covariance.
#include "lockstep/analysis/relation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/analysis/statistics.h"
#include "small_maps.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

using test::random_point;
using test::Values;

constexpr int64_t kRelationWidth = 12;
constexpr int64_t kRelationUnits = 7;

// A covariance with eigenvalues from 10 down to 0.001, as natural data has it.
Statistics statistics(int64_t width = kRelationWidth) {
  const Values u = test::orthonormal_rows(width, width);
  Statistics result{100, width, random_point(width, 99), Values(static_cast<size_t>(width * width))};
  for (int64_t k = 0; k < width; ++k) {
    const double value = 10 * std::pow(1e-4, static_cast<double>(k) / static_cast<double>(width - 1));
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        result.covariance[static_cast<size_t>(i * width + j)] +=
            value * u[static_cast<size_t>(k * width + i)] * u[static_cast<size_t>(k * width + j)];
      }
    }
  }
  return result;
}

Filters random_filters(int64_t width) {
  return {kRelationUnits, width, random_point(kRelationUnits * width, 5)};
}

double largest_difference(const Filters& a, const Filters& b) {
  EXPECT_EQ(a.values.size(), b.values.size());
  double largest = 0;
  for (size_t i = 0; i < a.values.size(); ++i)
    largest = std::max(largest, std::fabs(a.values[i] - b.values[i]));
  return largest;
}

// C W'^T = A', with W' = W L^(-1/2) U^T and A' = U L^(1/2) W^T, for PCA and ZCA whitening.
TEST(Relation, HoldsForAnyTiedWeightsOnWhitenedData) {
  const Statistics s = statistics();
  const auto components = principal_components(s);
  for (const bool zca : {false, true}) {
    for (const double epsilon : {0.0, 0.1}) {
      for (const int64_t kept : {kRelationWidth, int64_t{5}}) {
        const Whitening whitening(s, {.zca = zca, .epsilon = epsilon, .components = kept});
        Filters w = random_filters(whitening.outputs());
        const FilterPair pair = unwhitened({w, w}, whitening);
        EXPECT_EQ(pair.encoder.width, kRelationWidth);
        EXPECT_LT(largest_difference(smoothed(pair.encoder, components, kept, epsilon), pair.decoder), 1e-8)
            << zca << ", " << epsilon << ", " << kept;
        // As the encoder lies in the components kept, those left out change nothing where epsilon is 0.
        if (epsilon == 0) {
          EXPECT_LT(largest_difference(smoothed(pair.encoder, components, kRelationWidth), pair.decoder),
                    1e-8);
        } else {
          EXPECT_GT(largest_difference(smoothed(pair.encoder, components, kept), pair.decoder), 1e-3);
        }
        EXPECT_GT(fit(pair.decoder, pair.encoder).residual, 0.3) << "without the covariance it does not hold";
      }
    }
  }
}

TEST(Smoothed, IsTheProductWithTheCovariance) {
  const Statistics s = statistics();
  const Filters w = random_filters(kRelationWidth);
  const Filters found = smoothed(w, principal_components(s), kRelationWidth, 0.5);
  for (int64_t k = 0; k < kRelationUnits; ++k) {
    for (int64_t i = 0; i < kRelationWidth; ++i) {
      double expected = 0.5 * w.values[static_cast<size_t>(k * kRelationWidth + i)];
      for (int64_t j = 0; j < kRelationWidth; ++j) {
        expected += s.covariance[static_cast<size_t>(i * kRelationWidth + j)] *
                    w.values[static_cast<size_t>(k * kRelationWidth + j)];
      }
      EXPECT_NEAR(found.values[static_cast<size_t>(k * kRelationWidth + i)], expected, 1e-12);
    }
  }
}

TEST(Fit, ScalesEachPredictionAndSaysWhatIsLeft) {
  const Filters decoder{3, 2, {3, 4, 0, 2, 0, 0}};
  const Fit found = fit(decoder, {3, 2, {6, 8, 1, 1, 5, 5}});
  EXPECT_EQ(found.factors, (Values{0.5, 1, 0}));
  EXPECT_NEAR(found.residuals[0], 0, 1e-15);
  EXPECT_NEAR(found.residuals[1], std::sqrt(0.5), 1e-15);
  EXPECT_EQ(found.residuals[2], 0);
  EXPECT_NEAR(found.residual, std::sqrt(2.0 / 29), 1e-15);
  EXPECT_EQ(found.predicted.values, (Values{3, 4, 1, 1, 0, 0}));
  EXPECT_EQ(fit(decoder, {3, 2, Values(6)}).residual, 1);
}

TEST(FiltersOf, AreRowsOfTheFirstAndColumnsOfTheLastMatrix) {
  const DenseChain chain({nn::AffineMap{3, 2, {1, 2, 3, 4, 5, 6}, {0, 0, 0}}, nn::scalar_function("tanh"),
                          nn::AffineMap{2, 3, {7, 8, 9, 10, 11, 12}, {0, 0}}});
  const FilterPair pair = filters_of(chain);
  EXPECT_EQ(pair.encoder.values, (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(pair.decoder.values, (Values{7, 10, 8, 11, 9, 12}));
  EXPECT_EQ(pair.decoder.count, 3);
  EXPECT_EQ(pair.decoder.width, 2);
}

TEST(FiltersOf, OfAnotherNetworkAreRefused) {
  const nn::AffineMap wide{3, 2, Values(6), Values(3)};
  const nn::AffineMap narrow{2, 1, Values(2), Values(2)};
  test::expect_usage_error(
      [&] {
        filters_of(DenseChain({nn::AffineMap{2, 2, Values(4), Values(2)}}));
      },
      {"the same layer", "one hidden layer"});
  test::expect_usage_error(
      [&] {
        filters_of(DenseChain({wide, nn::AffineMap{1, 3, Values(3), Values(1)}, narrow}));
      },
      {"3 units", "reads 1 value", "one hidden layer"});
}

}  // namespace
}  // namespace lockstep::analysis
