#include "lockstep/analysis/whitening.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/team_of_threads.h"
#include "lockstep/kernels/layout.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

constexpr int64_t kWhitenedWidth = 12;

Statistics statistics(const Rows& rows) {
  TeamOfThreads alone(1);
  return statistics_of(alone.team, rows);
}

Rows samples() { return dependent_samples(1100, kWhitenedWidth); }

Rows forward(const Whitening& whitening, const Rows& rows) {
  Rows out{rows.count, whitening.outputs(), {}};
  out.values.resize(static_cast<size_t>(out.count * out.width));
  whitening.forward(rows.count, rows.values.data(), out.values.data());
  return out;
}

Rows backward(const Whitening& whitening, const Rows& rows) {
  Rows out{rows.count, whitening.inputs(), {}};
  out.values.resize(static_cast<size_t>(out.count * out.width));
  whitening.backward(rows.count, rows.values.data(), out.values.data());
  return out;
}

std::vector<WhiteningOptions> some_options() {
  return {{false, 0, 0, 0},   {true, 0, 0, 0},   {false, 0.1, 0, 0}, {true, 0.1, 0, 0},
          {false, 0.1, 5, 0}, {true, 0.1, 5, 0}, {false, 0, 5, 0},   {true, 0, 5, 0}};
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(double{a[i]} - double{b[i]}));
  return largest;
}

TEST(Whitening, MakesTheCovarianceTheIdentityTimesLOverLPlusEpsilon) {
  const Rows rows = samples();
  for (const WhiteningOptions& options : some_options()) {
    const Whitening whitening(statistics(rows), options);
    const Statistics after = statistics(forward(whitening, rows));
    const int64_t k = whitening.components();
    for (int64_t i = 0; i < after.width; ++i) {
      EXPECT_NEAR(after.mean[static_cast<size_t>(i)], 0, 1e-6);
      for (int64_t j = 0; j < after.width; ++j) {
        double expected = 0;
        for (int64_t c = 0; c < k; ++c) {
          const double l = whitening.eigenvalues()[static_cast<size_t>(c)];
          const auto u = [&](int64_t at) {
            return options.zca ? whitening.eigenvectors()[static_cast<size_t>(c * kWhitenedWidth + at)]
                   : at == c   ? 1.0
                               : 0.0;
          };
          expected += l / (l + options.epsilon) * u(i) * u(j);
        }
        EXPECT_NEAR(after.covariance[static_cast<size_t>(i * after.width + j)], expected, 2e-6);
      }
    }
  }
}

TEST(Whitening, WithAllComponentsAndNoEpsilonGivesThePlainIdentity) {
  const Rows rows = samples();
  for (const bool zca : {false, true}) {
    const Statistics after = statistics(forward(Whitening(statistics(rows), {zca, 0, 0, 0}), rows));
    for (int64_t i = 0; i < kWhitenedWidth; ++i) {
      for (int64_t j = 0; j < kWhitenedWidth; ++j)
        EXPECT_NEAR(after.covariance[static_cast<size_t>(i * kWhitenedWidth + j)], i == j ? 1 : 0, 2e-6);
    }
  }
}

TEST(Whitening, IsUndoneByItsInverse) {
  const Rows rows = samples();
  for (const WhiteningOptions& options : some_options()) {
    if (options.components > 0) continue;
    const Whitening whitening(statistics(rows), options);
    EXPECT_LT(largest_difference(backward(whitening, forward(whitening, rows)).values, rows.values), 1e-5);
  }
}

TEST(Whitening, TruncatedComesBackAsTheProjection) {
  const Rows rows = samples();
  for (const WhiteningOptions& options : some_options()) {
    if (options.components == 0) continue;
    const Whitening whitening(statistics(rows), options);
    Rows expected = rows;
    for (int64_t n = 0; n < rows.count; ++n) {
      float* row = expected.values.data() + n * kWhitenedWidth;
      std::vector<double> projected = whitening.mean();
      for (int64_t c = 0; c < options.components; ++c) {
        const double* u = whitening.eigenvectors().data() + c * kWhitenedWidth;
        double product = 0;
        for (size_t i = 0; i < kWhitenedWidth; ++i) product += u[i] * (row[i] - whitening.mean()[i]);
        for (size_t i = 0; i < kWhitenedWidth; ++i) projected[i] += product * u[i];
      }
      std::copy(projected.begin(), projected.end(), row);
    }
    EXPECT_LT(largest_difference(backward(whitening, forward(whitening, rows)).values, expected.values),
              1e-5);
  }
}

TEST(Whitening, ByZcaIsSymmetric) {
  const Whitening whitening(statistics(samples()), {true, 0.01, 0, 0});
  for (size_t i = 0; i < kWhitenedWidth; ++i) {
    for (size_t j = 0; j < kWhitenedWidth; ++j) {
      EXPECT_EQ(whitening.transform()[i * kWhitenedWidth + j], whitening.transform()[j * kWhitenedWidth + i]);
      EXPECT_EQ(whitening.inverse()[i * kWhitenedWidth + j], whitening.inverse()[j * kWhitenedWidth + i]);
    }
  }
}

TEST(Whitening, InOneMatrixProductIsTheSame) {
  const Rows rows = samples();
  for (const WhiteningOptions& options : some_options()) {
    const Whitening whitening(statistics(rows), options);
    const Rows expected = forward(whitening, rows);
    const double least = whitening.eigenvalues()[static_cast<size_t>(whitening.components() - 1)];
    const double near = 1e-6 * 10 / std::sqrt(least + options.epsilon);  // |x| is about 10
    const int64_t columns = kernels::columns_for(rows.count);
    std::vector<float> in(static_cast<size_t>(kWhitenedWidth * columns));
    std::vector<float> out(static_cast<size_t>(whitening.outputs() * columns));
    for (int64_t n = 0; n < rows.count; ++n) {
      for (int64_t i = 0; i < kWhitenedWidth; ++i)
        in[static_cast<size_t>(i * columns + n)] = rows.row(n)[static_cast<size_t>(i)];
    }
    whitening.forward_columns(columns, in.data(), out.data());
    for (int64_t n = 0; n < rows.count; ++n) {
      for (int64_t i = 0; i < whitening.outputs(); ++i)
        EXPECT_NEAR(out[static_cast<size_t>(i * columns + n)], expected.row(n)[static_cast<size_t>(i)], near);
    }
    std::vector<float> product(expected.values.size());  // rows, as the header says
    kernels::gemm(kernels::Transpose::kNo, kernels::Transpose::kYes, rows.count, expected.width,
                  kWhitenedWidth, rows.values.data(), kWhitenedWidth, whitening.matrix().data(),
                  kWhitenedWidth, 0, product.data(), expected.width);
    for (size_t i = 0; i < product.size(); ++i)
      EXPECT_NEAR(product[i] + whitening.bias()[i % static_cast<size_t>(expected.width)], expected.values[i],
                  near);
  }
}

TEST(Whitening, RetainsTheFewestComponentsWithTheShareOfTheVariance) {
  const Statistics all = statistics(samples());
  const auto principal = principal_components(all);
  double total = 0;
  for (const double value : principal.values) total += value;
  for (const double share : {0.3, 0.9, 0.999}) {
    const int64_t kept = Whitening(all, {false, 0, 0, share}).components();
    double sum = 0;
    for (int64_t k = 0; k < kept - 1; ++k) sum += principal.values[static_cast<size_t>(k)];
    EXPECT_LT(sum, share * total);
    EXPECT_GE(sum + principal.values[static_cast<size_t>(kept - 1)], share * total);
  }
}

// One value that is the same everywhere and one that is another's double: two directions without variance.
Rows flat_samples() {
  Rows rows = samples();
  for (int64_t n = 0; n < rows.count; ++n) {
    float* row = rows.values.data() + n * kWhitenedWidth;
    row[3] = 0.5f;
    row[7] = 2 * row[5];
  }
  return rows;
}

TEST(Whitening, OfDirectionsWithoutVarianceIsAnErrorThatSaysHowMany) {
  const Statistics flat = statistics(flat_samples());
  for (const bool zca : {false, true}) {
    test::expect_usage_error(
        [&] {
          Whitening(flat, {zca, 0, 0, 0});
        },
        {"2 of the 12 eigenvalues", "are zero", "epsilon=", "components=10", "retain="});
    test::expect_usage_error([&] { Whitening(flat, {zca, 0, 11, 0}); }, {"2 of the 12 eigenvalues"});
    EXPECT_EQ(Whitening(flat, {zca, 0, 10, 0}).components(), 10);
    EXPECT_EQ(Whitening(flat, {zca, 0.1, 0, 0}).components(), 12);
    EXPECT_LE(Whitening(flat, {zca, 0, 0, 0.999}).components(), 10);
  }
}

TEST(Whitening, OfSamplesThatAreAllAlikeIsAnError) {
  const Rows alike{100, 3, std::vector<float>(300, 0.25f)};
  test::expect_usage_error(
      [&] {
        Whitening(statistics(alike), {false, 0, 0, 0.9});
      },
      {"3 of the 3 eigenvalues", "all samples are alike"});
}

TEST(Whitening, ToMoreComponentsThanThereAreIsAnError) {
  test::expect_usage_error(
      [] {
        Whitening(statistics(samples()), {false, 0.1, 13, 0});
      },
      {"13 components", "these have 12", "components=12 or fewer"});
}

TEST(Whitening, FromItsPartsIsTheSame) {
  for (const WhiteningOptions& options : some_options()) {
    const Whitening whitening(statistics(samples()), options);
    const Whitening again(options, whitening.mean(), whitening.eigenvalues(), whitening.eigenvectors());
    EXPECT_TRUE(test::same_bits(again.transform(), whitening.transform()));
    EXPECT_TRUE(test::same_bits(again.inverse(), whitening.inverse()));
    EXPECT_TRUE(test::same_bits(again.matrix(), whitening.matrix()));
    EXPECT_TRUE(test::same_bits(again.bias(), whitening.bias()));
  }
}

}  // namespace
}  // namespace lockstep::analysis
