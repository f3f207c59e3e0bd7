#include "lockstep/analysis/reconstruction.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/kernels/linear_algebra.h"

namespace lockstep::analysis {

namespace {

// The error of a central difference is (h^2 / 6) r''' + (6e-8 / h) |r| in single precision: least near here,
// for inputs of the order of 1. A power of two, so that x + h and x - h are exact for most x.
constexpr float kStep = 1.0f / 128;

std::optional<DenseChain> chain_of(const nn::Network& network, const float* parameters, bool sigmoid_on_top) {
  const int64_t inputs = network.input_shape().size();
  const int64_t outputs = network.output_shape().size();
  if (inputs != outputs) {
    fail_usage("the network is no autoencoder: it takes ", inputs, inputs == 1 ? " value" : " values",
               " and gives ", outputs, "; this needs one that gives as many as it takes");
  }
  return DenseChain::of(network, parameters, sigmoid_on_top);
}

// Where a chain is narrowest: the number of stages up to there; none where it is nowhere narrower than its
// input.
std::optional<size_t> narrowest_place(const DenseChain& chain) {
  std::optional<size_t> place;
  int64_t width = chain.inputs();
  for (size_t i = 0; i + 1 < chain.stages().size(); ++i) {
    const auto* map = std::get_if<nn::AffineMap>(&chain.stages()[i]);
    if (map == nullptr || map->outputs >= width) continue;
    width = map->outputs;
    place = i + 1;
  }
  return place;
}

std::vector<double> product_of(int64_t m, int64_t n, int64_t k, const std::vector<double>& a,
                               const std::vector<double>& b) {
  std::vector<double> c(static_cast<size_t>(m * n));
  kernels::multiply(false, m, n, k, a.data(), b.data(), c.data());
  return c;
}

// Of a symmetric matrix (up to rounding) the eigenvalues are real, and cheaper.
std::vector<std::complex<double>> spectrum_of(int64_t n, const std::vector<double>& matrix) {
  constexpr double kRounding = 1e-13;
  if (asymmetry(n, matrix) > kRounding) return kernels::eigenvalues(n, matrix.data());
  const auto real = kernels::symmetric_eigen(n, matrix.data()).values;
  std::vector<std::complex<double>> values(real.begin(), real.end());
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return std::abs(a) > std::abs(b); });
  return values;
}

}  // namespace

Reconstruction::Reconstruction(const nn::Network& network, const float* parameters, bool sigmoid_on_top,
                               const Team& team)
    : width_(network.input_shape().size()),
      sigmoid_on_top_(sigmoid_on_top),
      chain_(chain_of(network, parameters, sigmoid_on_top)) {
  if (chain_) {
    divide();
  } else {
    forward_ = std::make_unique<Forward>(network, parameters, team);
  }
}

Reconstruction::Reconstruction(DenseChain chain) : width_(chain.inputs()), chain_(std::move(chain)) {
  if (chain_->outputs() != width_) fail("a map into itself has as many outputs as inputs");
  divide();
}

void Reconstruction::divide() {
  const auto place = narrowest_place(*chain_);
  if (!place) return;
  const auto middle = chain_->stages().begin() + static_cast<std::ptrdiff_t>(*place);
  encoder_.emplace(std::vector<DenseChain::Stage>(chain_->stages().begin(), middle));
  decoder_.emplace(std::vector<DenseChain::Stage>(middle, chain_->stages().end()));
}

Point Reconstruction::operator()(const Point& x, int slot) const {
  if (chain_) return (*chain_)(x);
  return outputs({1, width_, {x.begin(), x.end()}}, slot);
}

std::vector<double> Reconstruction::outputs(const Rows& rows, int slot) const {
  const Rows result = forward_->local(rows, slot);
  std::vector<double> values(result.values.begin(), result.values.end());
  if (sigmoid_on_top_) {
    const auto sigmoid = nn::scalar_function("sigmoid");
    for (double& value : values) value = sigmoid.value(value);
  }
  return values;
}

std::vector<double> Reconstruction::jacobian(const Point& x, int slot) const {
  if (!chain_) return differences(x, slot);
  if (!encoder_) return chain_->jacobian(x);
  return product_of(width_, width_, encoder_->outputs(), decoder_->jacobian((*encoder_)(x)),
                    encoder_->jacobian(x));
}

std::vector<double> Reconstruction::differences(const Point& x, int slot) const {
  const auto width = static_cast<size_t>(width_);
  constexpr size_t kDirections = 16;  // at once
  std::vector<double> result(width * width);
  for (size_t first = 0; first < width; first += kDirections) {
    const size_t count = std::min(kDirections, width - first);
    // For each direction a row on either side of x.
    Rows rows{static_cast<int64_t>(2 * count), width_, {}};
    for (size_t r = 0; r < 2 * count; ++r) {
      rows.values.insert(rows.values.end(), x.begin(), x.end());
      rows.values[r * width + first + r / 2] += r % 2 == 0 ? kStep : -kStep;
    }
    const std::vector<double> values = outputs(rows, slot);
    for (size_t d = 0; d < count; ++d) {
      const size_t above = 2 * d * width;
      const size_t below = above + width;
      const size_t j = first + d;
      const double step =
          static_cast<double>(rows.values[above + j]) - static_cast<double>(rows.values[below + j]);
      for (size_t i = 0; i < width; ++i) {
        result[i * width + j] = (values[above + i] - values[below + i]) / step;
      }
    }
  }
  return result;
}

std::vector<std::complex<double>> Reconstruction::spectrum(const Point& x, int slot) const {
  if (!encoder_) return spectrum_of(width_, jacobian(x, slot));
  const int64_t code = encoder_->outputs();
  auto values = spectrum_of(
      code, product_of(code, code, width_, encoder_->jacobian(x), decoder_->jacobian((*encoder_)(x))));
  values.resize(static_cast<size_t>(width_));
  return values;
}

double asymmetry(int64_t n, const std::vector<double>& matrix) {
  double difference = 0;
  double whole = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double value = matrix[static_cast<size_t>(i * n + j)];
      difference += std::pow(value - matrix[static_cast<size_t>(j * n + i)], 2);
      whole += value * value;
    }
  }
  return whole > 0 ? std::sqrt(difference / whole) : 0;
}

}  // namespace lockstep::analysis
