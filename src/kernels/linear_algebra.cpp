#include "lockstep/kernels/linear_algebra.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

#include "lockstep/core/error.h"

namespace lockstep::kernels {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const Matrix>;

// Eigenvectors are unique up to their sign, so that is chosen.
void fix_sign(double* vector, int64_t n) {
  const double* largest =
      std::max_element(vector, vector + n, [](double a, double b) { return std::fabs(a) < std::fabs(b); });
  if (*largest >= 0) return;
  for (int64_t i = 0; i < n; ++i) vector[i] = -vector[i];
}

// The sum of products of two vectors: eight sums side by side, then those in order.
double dot(int64_t count, const double* a, const double* b) {
  constexpr int64_t kSums = 8;
  std::array<double, kSums> sums{};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t l = 0; l < kSums; ++l) sums[static_cast<size_t>(l)] += a[i + l] * b[i + l];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void multiply_in_order(bool transpose_a, int64_t m, int64_t n, int64_t k, const double* a, const double* b,
                       double* c) {
  if (n == 1 && !transpose_a) {
    for (int64_t i = 0; i < m; ++i) c[i] = dot(k, a + i * k, b);
    return;
  }
  std::fill_n(c, m * n, 0.0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t t = 0; t < k; ++t) {
      const double factor = transpose_a ? a[t * m + i] : a[i * k + t];
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += factor * b[t * n + j];
    }
  }
}

}  // namespace

SymmetricEigen symmetric_eigen(int64_t n, const double* matrix) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(ConstMap(matrix, n, n));
  if (solver.info() != Eigen::Success) {
    fail("the eigenvalues of a symmetric matrix of ", n, "x", n,
         " did not converge; look for NaN or infinite values in the data");
  }
  SymmetricEigen result;
  for (int64_t k = n; k-- > 0;) {  // Eigen's are in ascending order
    result.values.push_back(solver.eigenvalues()[k]);
    for (int64_t i = 0; i < n; ++i) result.vectors.push_back(solver.eigenvectors()(i, k));
    fix_sign(result.vectors.data() + (n - 1 - k) * n, n);
  }
  return result;
}

std::vector<std::complex<double>> eigenvalues(int64_t n, const double* matrix) {
  const Eigen::EigenSolver<Matrix> solver(ConstMap(matrix, n, n), false);
  if (solver.info() != Eigen::Success) {
    fail("the eigenvalues of a matrix of ", n, "x", n,
         " did not converge; look for NaN or infinite values in it");
  }
  std::vector<std::complex<double>> values(solver.eigenvalues().begin(), solver.eigenvalues().end());
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return std::tuple(std::abs(a), a.real(), a.imag()) > std::tuple(std::abs(b), b.real(), b.imag());
  });
  return values;
}

std::optional<std::vector<double>> solve(int64_t n, const double* matrix, const double* right) {
  constexpr double kSingular = 1e-14;  // of a pivot beside the largest
  const Eigen::PartialPivLU<Matrix> solver(ConstMap(matrix, n, n));
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(solver.matrixLU()(i, i)));
  for (int64_t i = 0; i < n; ++i) {
    if (!(std::fabs(solver.matrixLU()(i, i)) > kSingular * largest)) return std::nullopt;  // nor is a NaN
  }
  const Eigen::VectorXd own = Eigen::Map<const Eigen::VectorXd>(right, n);  // aligned, as multiply() says
  const Eigen::VectorXd x = solver.solve(own);
  return std::vector<double>(x.begin(), x.end());
}

// Eigen sums products with a vector, and small ones, in an order that follows from where the numbers lie in
// memory; its large products do not.
void multiply(bool transpose_a, int64_t m, int64_t n, int64_t k, const double* a, const double* b,
              double* c) {
  constexpr int64_t kSmall = 64;
  if (m == 1 || n == 1 || m + n + k < kSmall) return multiply_in_order(transpose_a, m, n, k, a, b, c);
  Eigen::Map<Matrix> out(c, m, n);
  if (transpose_a) {
    out.noalias() = ConstMap(a, k, m).transpose() * ConstMap(b, k, n);
  } else {
    out.noalias() = ConstMap(a, m, k) * ConstMap(b, k, n);
  }
}

}  // namespace lockstep::kernels
