// An autoencoder as a map of its input space into itself, r(x), with its Jacobian: what is iterated,
// linearised and integrated.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "lockstep/analysis/dense_chain.h"
#include "lockstep/analysis/forward.h"

namespace lockstep::analysis {

using Point = std::vector<double>;

// How far |J - J^T| / |J| of a symmetric Jacobian may be from 0, by rounding: of an exact() map, or another.
constexpr double curl_of_rounding(bool exact) { return exact ? 1e-9 : 1e-2; }

class Reconstruction {
 public:
  // Of a trained network as it is in evaluation; with `sigmoid_on_top`, of what a loss makes of its output
  // (cross-entropy). In double precision with the exact Jacobian where it is a chain of dense layers, else in
  // single precision with central differences. Keeps references to all. Fails (usage) where the output has
  // not as many values as the input.
  Reconstruction(const nn::Network& network, const float* parameters, bool sigmoid_on_top, const Team& team);
  explicit Reconstruction(DenseChain chain);

  int64_t width() const { return width_; }
  // Whether it is computed in double precision, and differentiated exactly.
  bool exact() const { return chain_.has_value(); }
  // The dense layers, where exact().
  const DenseChain& chain() const { return *chain_; }

  // The following are not collective, and thread safe where each thread has a slot of its own (that of
  // Workers::for_each()).
  Point operator()(const Point& x, int slot = 0) const;
  // Of many points at once, one behind the other; only of a network that is not exact().
  std::vector<double> outputs(const Rows& rows, int slot) const;
  // dr_i / dx_j, width x width, row major. Of a central difference the error is about 1e-5 of the values.
  std::vector<double> jacobian(const Point& x, int slot = 0) const;
  // The Jacobian's eigenvalues as kernels::eigenvalues() has them. Those of a product B A of a decoder's and
  // an encoder's are those of A B, and zeros: a narrow code makes them cheap.
  std::vector<std::complex<double>> spectrum(const Point& x, int slot = 0) const;

 private:
  std::vector<double> differences(const Point& x, int slot) const;
  void divide();

  int64_t width_;
  bool sigmoid_on_top_ = false;
  std::optional<DenseChain> chain_;
  // The chain up to its narrowest layer, and from there on, where that is narrower than the input.
  std::optional<DenseChain> encoder_;
  std::optional<DenseChain> decoder_;
  std::unique_ptr<Forward> forward_;  // where it is no chain
};

// |J - J^T| / |J| (Frobenius) of an n x n matrix: 0 where it is symmetric, as the Jacobian of a gradient is;
// 0 of a matrix of zeros.
double asymmetry(int64_t n, const std::vector<double>& matrix);

}  // namespace lockstep::analysis
