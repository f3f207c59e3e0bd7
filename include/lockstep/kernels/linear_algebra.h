// Decompositions in double precision, for statistics and analyses. One thread; deterministic.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <vector>

namespace lockstep::kernels {

// Of a symmetric matrix: values in descending order, vectors one a row (vectors[k * n + i] is component i of
// the k-th). Signs are fixed: each vector's component of largest magnitude is positive (the first of them).
struct SymmetricEigen {
  std::vector<double> values;
  std::vector<double> vectors;
};

// `matrix` is n x n, row major; its lower triangle is read.
SymmetricEigen symmetric_eigen(int64_t n, const double* matrix);

// The eigenvalues of any n x n matrix, by descending magnitude (then real part, then imaginary part).
std::vector<std::complex<double>> eigenvalues(int64_t n, const double* matrix);

// The x with A x = b; nothing where A (n x n, row major) is singular in double precision.
std::optional<std::vector<double>> solve(int64_t n, const double* matrix, const double* right);

// C = op(A) B in double: A is m x k (k x m where it is transposed), B is k x n, C is m x n; row major.
void multiply(bool transpose_a, int64_t m, int64_t n, int64_t k, const double* a, const double* b, double* c);

}  // namespace lockstep::kernels
