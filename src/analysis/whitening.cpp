#include "lockstep/analysis/whitening.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lockstep/core/error.h"
#include "lockstep/kernels/dense_product.h"

namespace lockstep::analysis {

namespace {

constexpr double kZero = 1e-12;  // of the largest eigenvalue: what rounding to floats leaves of 0
constexpr int64_t kRows = 256;   // mapped at once

int64_t components_for(const WhiteningOptions& options, const std::vector<double>& eigenvalues) {
  const int64_t width = static_cast<int64_t>(eigenvalues.size());
  if (options.components > width) {
    fail_usage("whitening to ", options.components,
               " components needs samples of as many values; these have ", width,
               ", so ask for components=", width, " or fewer");
  }
  if (options.components > 0) return options.components;
  if (options.retain <= 0) return width;
  const double total = std::accumulate(eigenvalues.begin(), eigenvalues.end(), 0.0);
  double kept = 0;
  int64_t components = 0;
  while (components < width && (components == 0 || kept < options.retain * total))
    kept += eigenvalues[static_cast<size_t>(components++)];
  return components;
}

void require_positive(const WhiteningOptions& options, const std::vector<double>& eigenvalues,
                      int64_t components) {
  if (options.epsilon > 0) return;
  const double limit = kZero * eigenvalues.front();
  const auto is_zero = [&](double value) { return value <= limit; };
  const int64_t zeros = std::count_if(eigenvalues.begin(), eigenvalues.end(), is_zero);
  const int64_t width = static_cast<int64_t>(eigenvalues.size());
  if (components <= width - zeros) return;
  const std::string found =
      text(zeros, " of the ", width, " eigenvalues of the training samples' covariance ",
           zeros == 1 ? "is" : "are", " zero (at most 1e-12 of the largest, ", eigenvalues.front(),
           "), and nothing brings such a direction to variance 1; ");
  if (zeros == width) fail_usage(found, "all samples are alike: there is nothing to whiten");
  fail_usage(found, "add epsilon=, such as epsilon=", eigenvalues.front() / 1000,
             ", or leave these directions out with components=", width - zeros, " or retain=0.99");
}

// A ZCA map is symmetric but for the rounding of its sums.
void mirror(int64_t n, std::vector<double>& matrix) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j)
      matrix[static_cast<size_t>(j * n + i)] = matrix[static_cast<size_t>(i * n + j)];
  }
}

// out = map (row - before) + after, for rows of `inputs` to rows of `outputs` values; either may be null.
void apply(const std::vector<double>& map, int64_t inputs, int64_t outputs, const double* before,
           const double* after, int64_t count, const float* rows, float* out) {
  const int64_t most = std::min(kRows, count);
  std::vector<double> in(static_cast<size_t>(inputs * most));
  std::vector<double> product(static_cast<size_t>(outputs * most));
  for (int64_t first = 0; first < count; first += kRows) {
    const int64_t n = std::min(kRows, count - first);
    for (int64_t r = 0; r < n; ++r) {
      const float* row = rows + (first + r) * inputs;
      for (int64_t i = 0; i < inputs; ++i)
        in[static_cast<size_t>(i * n + r)] = row[i] - (before != nullptr ? before[i] : 0.0);
    }
    kernels::multiply(false, outputs, n, inputs, map.data(), in.data(), product.data());
    for (int64_t r = 0; r < n; ++r) {
      float* row = out + (first + r) * outputs;
      for (int64_t i = 0; i < outputs; ++i)
        row[i] =
            static_cast<float>(product[static_cast<size_t>(i * n + r)] + (after != nullptr ? after[i] : 0.0));
    }
  }
}

}  // namespace

Whitening::Whitening(const Statistics& statistics, const WhiteningOptions& options)
    : options_(options), mean_(statistics.mean) {
  kernels::SymmetricEigen eigen = principal_components(statistics);
  eigenvalues_ = std::move(eigen.values);
  eigenvectors_ = std::move(eigen.vectors);
  const int64_t kept = components_for(options_, eigenvalues_);
  require_positive(options_, eigenvalues_, kept);
  eigenvectors_.resize(static_cast<size_t>(kept * inputs()));
  make_maps();
}

Whitening::Whitening(const WhiteningOptions& options, std::vector<double> mean,
                     std::vector<double> eigenvalues, std::vector<double> eigenvectors)
    : options_(options),
      mean_(std::move(mean)),
      eigenvalues_(std::move(eigenvalues)),
      eigenvectors_(std::move(eigenvectors)) {
  make_maps();
}

void Whitening::make_maps() {
  const int64_t width = inputs();
  const int64_t kept = components();
  std::vector<double> shrunk = eigenvectors_;     // S U^T
  std::vector<double> stretched = eigenvectors_;  // S^(-1) U^T
  for (int64_t k = 0; k < kept; ++k) {
    const double deviation = std::sqrt(eigenvalues_[static_cast<size_t>(k)] + options_.epsilon);
    for (int64_t i = k * width; i < (k + 1) * width; ++i) {
      shrunk[static_cast<size_t>(i)] /= deviation;
      stretched[static_cast<size_t>(i)] *= deviation;
    }
  }
  if (options_.zca) {
    transform_.resize(static_cast<size_t>(width * width));
    inverse_.resize(transform_.size());
    kernels::multiply(true, width, width, kept, eigenvectors_.data(), shrunk.data(), transform_.data());
    kernels::multiply(true, width, width, kept, eigenvectors_.data(), stretched.data(), inverse_.data());
    mirror(width, transform_);
    mirror(width, inverse_);
  } else {
    inverse_.resize(stretched.size());
    for (int64_t k = 0; k < kept; ++k) {
      for (int64_t i = 0; i < width; ++i)
        inverse_[static_cast<size_t>(i * kept + k)] = stretched[static_cast<size_t>(k * width + i)];
    }
    transform_ = std::move(shrunk);
  }
  matrix_.assign(transform_.begin(), transform_.end());
  std::vector<double> moved(static_cast<size_t>(outputs()));
  kernels::multiply(false, outputs(), 1, width, transform_.data(), mean_.data(), moved.data());
  for (const double value : moved) bias_.push_back(static_cast<float>(-value));
}

void Whitening::forward(int64_t count, const float* rows, float* out) const {
  apply(transform_, inputs(), outputs(), mean_.data(), nullptr, count, rows, out);
}

void Whitening::backward(int64_t count, const float* rows, float* out) const {
  apply(inverse_, outputs(), inputs(), nullptr, mean_.data(), count, rows, out);
}

void Whitening::forward_columns(int64_t columns, const float* in, float* out) const {
  kernels::dense_product(kernels::Precision::kFloat32, outputs(), columns, inputs(),
                         {matrix_.data(), kernels::Transpose::kNo}, in, bias_.data(), false, out, nullptr);
}

}  // namespace lockstep::analysis
