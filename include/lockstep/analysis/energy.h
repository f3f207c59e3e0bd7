// The energy of an autoencoder: the potential whose gradient is its vector field (Kamyshanska, Memisevic
// 2013, "On autoencoder scoring"; 2015, "The potential energy of an autoencoder").
//
// With s = W x + b, r(x) = W^T h(s) + c (tied weights), elementwise h and I' = h:
//
//   linear output   E(x) = sum_k I(s_k) - 1/2 |x - c|^2,   dE/dx = r(x) - x
//   sigmoid output  E(x) = sum_k I(s_k) + c.x + H(x),      dE/dx = logit r(x) - logit x
//
// where x is in [0, 1] and H(x) = -sum x log x + (1 - x) log(1 - x): 0 for binary data, whose E is minus the
// free energy of a binary RBM where h is the sigmoid. Where the winner takes all, max_k s_k stands in place
// of the sum. E rises along x -> r(x).
//
// For other networks E is the integral of the same field along the straight line from a start. Where the
// Jacobian of the field is not symmetric there is no potential, and that depends on the path: curl() says how
// much.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lockstep/analysis/reconstruction.h"
#include "lockstep/nn/sub_network.h"

namespace lockstep::analysis {

class Energy {
 public:
  // Of a trained network as it is in evaluation; with `sigmoid_on_top`, of what a loss makes of its output
  // (cross-entropy). `settings` are those it was made with. Line integrals begin at `start`; empty: at 0.
  // Keeps references to network, parameters and team. Fails (usage) where the output has not as many values
  // as the input.
  Energy(const nn::Network& network, const nn::NetworkSettings& settings, const float* parameters,
         bool sigmoid_on_top, const Team& team, Point start = {});
  // Of r(x) itself, a sigmoid on top included.
  explicit Energy(const DenseChain& chain, Point start = {});

  int64_t width() const { return field_->width(); }
  bool closed() const { return tied_.has_value(); }  // else by line integral
  bool binary() const { return binary_; }            // whether the output is a sigmoid
  bool exact() const { return field_->exact(); }     // in double precision, with exact Jacobians
  const Point& start() const { return start_; }
  std::string description() const;  // which form, with its formula, for people

  // The following are not collective, and thread safe where each thread has a slot of its own (that of
  // Workers::for_each()).

  // NaN where the output is a sigmoid and x is not in [0, 1]. Line integrals to 1e-6 of the largest values
  // met.
  double operator()(const Point& x, int slot = 0) const;
  // Of rows one behind the other: the same up to rounding, and faster.
  std::vector<double> of_rows(std::span<const float> rows, int slot = 0) const;
  // The numeric integral of the field along straight lines from each point of the path to the next, also
  // where there is a closed form: to 1e-8 of the largest values met, or to single precision where the network
  // is no chain of dense layers.
  double along(const std::vector<Point>& path, int slot = 0) const;
  // |J - J^T| / |J| (Frobenius) of the Jacobian J of r, or of logit r where the output is a sigmoid: 0 where
  // the field is a gradient.
  double curl(const Point& x, int slot = 0) const;

 private:
  // r(x) = W^T h(W x + b) + c.
  struct Tied {
    nn::AffineMap encoder;
    std::variant<nn::ScalarFunction, Winner> h;
    nn::AffineMap decoder;
  };
  static std::optional<Tied> tied_form(const DenseChain& chain);
  void take_chain(const DenseChain& chain);
  double closed_form(const Point& x, const double* products) const;
  double segment(const Point& from, const Point& to, double tolerance, int slot) const;
  double own_part(const Point& x) const;

  bool binary_ = false;
  std::optional<Tied> tied_;
  std::unique_ptr<nn::SubNetwork> part_;  // without a sigmoid on top, where it had one
  std::optional<Reconstruction> field_;   // r(x), or logit r(x) where the output is a sigmoid
  Point start_;
};

// Collective. The energy of every row; the same bits on any number of ranks and threads.
std::vector<double> energies(const Team& team, const Energy& energy, const Rows& inputs);

// What is known of the energy's dependence on the path.
struct PathDependence {
  int64_t samples = 0;    // that were looked at
  double curl = 0;        // mean over the points
  double difference = 0;  // root of the mean square of E(straight) - E(by a corner), in units of E
  bool matters = false;   // whether the curl is more than what its computation is rounded by
};
// Collective. From `points` (a few rows).
PathDependence path_dependence(const Team& team, const Energy& energy, const Rows& points);
// For people, of integrals from `start` ("the mean of the training samples") whose path matters.
std::string path_warning(const PathDependence& path, const std::string& start);

}  // namespace lockstep::analysis
