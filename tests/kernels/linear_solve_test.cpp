// Systems of linear equations, solved or told to have no solution.
#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/kernels/linear_algebra.h"
#include "support/values.h"

namespace lockstep::kernels {
namespace {

TEST(Solve, GivesTheSolution) {
  constexpr int64_t n = 30;
  const auto random = test::random_values(n * n, 1);
  const auto right = test::random_values(n, 2);
  const std::vector<double> a(random.begin(), random.end());
  const std::vector<double> b(right.begin(), right.end());
  const auto x = solve(n, a.data(), b.data());
  ASSERT_TRUE(x);
  std::vector<double> product(n);
  multiply(false, n, 1, n, a.data(), x->data(), product.data());
  for (size_t i = 0; i < n; ++i) EXPECT_NEAR(product[i], b[i], 1e-12);
}

TEST(Solve, GivesNothingForASingularMatrix) {
  const std::vector<double> b = {1, 1};
  for (const std::vector<double>& a :
       {std::vector<double>{1, 2, 2, 4}, {0, 0, 0, 0}, {1, 0, 0, std::nan("")}}) {
    EXPECT_FALSE(solve(2, a.data(), b.data()));
  }
}

}  // namespace
}  // namespace lockstep::kernels
