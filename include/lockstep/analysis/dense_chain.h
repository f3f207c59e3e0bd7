// A network of dense layers, one behind the other, in double precision: what analyses evaluate and
// differentiate exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "lockstep/nn/network.h"

namespace lockstep::analysis {

// 1 at the largest value, the first of equals, and 0 elsewhere.
struct Winner {};

class DenseChain {
 public:
  using Stage = std::variant<nn::AffineMap, nn::ScalarFunction, Winner>;

  // Of a trained network as it is in evaluation; with `sigmoid_on_top`, of what a loss makes of its output
  // (cross-entropy). None where a layer is of another kind, or reads something else than the one above.
  static std::optional<DenseChain> of(const nn::Network& network, const float* parameters,
                                      bool sigmoid_on_top = false);

  explicit DenseChain(std::vector<Stage> stages);

  int64_t inputs() const { return widths_.front(); }
  int64_t outputs() const { return widths_.back(); }
  const std::vector<Stage>& stages() const { return stages_; }

  // Thread safe, like the others.
  std::vector<double> operator()(const std::vector<double>& x) const { return of_columns(1, x); }
  // Of several inputs at once: x is inputs x count, the result outputs x count, row major.
  std::vector<double> of_columns(int64_t count, const std::vector<double>& x) const;
  // dy_i / dx_j, outputs x inputs, row major; of a winner, whose output is constant almost everywhere, 0.
  std::vector<double> jacobian(const std::vector<double>& x) const;

 private:
  std::vector<Stage> stages_;
  std::vector<int64_t> widths_;  // of the input and behind each stage
};

}  // namespace lockstep::analysis
