// Whitening: a linear map after which samples have mean 0 and their covariance is the identity.
//
// With the covariance C = U L U^T, k components kept and S = (L + epsilon)^(-1/2) of these:
//   PCA  z = S U^T (x - mean), k values a sample;  ZCA  z = U S U^T (x - mean), as many as x has
// (Bell and Sejnowski 1997, "The independent components of natural scenes are edge filters"). The covariance
// of z over the training samples is L / (L + epsilon), for ZCA in the directions U. The inverse is
//   x = mean + U S^(-1) z  and  x = mean + U S^(-1) U^T z,
// exact where all components are kept, else the projection of x on them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lockstep/analysis/statistics.h"

namespace lockstep::analysis {

struct WhiteningOptions {
  bool zca = false;        // else PCA
  double epsilon = 0;      // added to each eigenvalue, in units of the samples' variance
  int64_t components = 0;  // to keep; 0: all
  double retain = 0;       // or the fewest that keep this share of the variance, in (0, 1); 0: all
};

class Whitening {
 public:
  // Not collective: the same bits on every rank. Fails (usage) where more components are asked for than there
  // are, and where one that is kept has eigenvalue 0, or at most 1e-12 of the largest, which is what rounding
  // leaves of 0, and epsilon is 0.
  Whitening(const Statistics& statistics, const WhiteningOptions& options);
  // From what a file holds. `eigenvectors` has a row for each component kept.
  Whitening(const WhiteningOptions& options, std::vector<double> mean, std::vector<double> eigenvalues,
            std::vector<double> eigenvectors);

  const WhiteningOptions& options() const { return options_; }
  int64_t inputs() const { return static_cast<int64_t>(mean_.size()); }
  int64_t outputs() const { return options_.zca ? inputs() : components(); }
  int64_t components() const { return static_cast<int64_t>(eigenvectors_.size()) / inputs(); }
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& eigenvalues() const { return eigenvalues_; }    // all, in descending order
  const std::vector<double>& eigenvectors() const { return eigenvectors_; }  // components x inputs
  const std::vector<double>& transform() const { return transform_; }  // outputs x inputs; ZCA: symmetric
  const std::vector<double>& inverse() const { return inverse_; }      // inputs x outputs

  // z = transform (x - mean) of `count` rows, and back; in double inside, for data that is kept. Thread safe.
  void forward(int64_t count, const float* rows, float* out) const;
  void backward(int64_t count, const float* rows, float* out) const;

  // The same in single precision, for what is used at once: z = matrix x + bias. One matrix product, with
  // kernels::gemm() on rows, or as here on columns: `in` is inputs x columns, `out` outputs x columns,
  // columns a multiple of kernels::kLanes. Thread safe.
  std::span<const float> matrix() const { return matrix_; }  // outputs x inputs
  std::span<const float> bias() const { return bias_; }      // outputs
  void forward_columns(int64_t columns, const float* in, float* out) const;

 private:
  void make_maps();

  WhiteningOptions options_;
  std::vector<double> mean_;
  std::vector<double> eigenvalues_;
  std::vector<double> eigenvectors_;
  std::vector<double> transform_;
  std::vector<double> inverse_;
  std::vector<float> matrix_;
  std::vector<float> bias_;
};

}  // namespace lockstep::analysis
