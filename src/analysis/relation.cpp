#include "lockstep/analysis/relation.h"

#include <cmath>

#include "lockstep/core/error.h"
#include "preparation_file.h"

namespace lockstep::analysis {

namespace {

std::vector<double> transposed(int64_t rows, int64_t columns, const std::vector<double>& matrix) {
  std::vector<double> result;
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) result.push_back(matrix[static_cast<size_t>(r * columns + c)]);
  }
  return result;
}

// filters x matrix: each filter, a row of k values, becomes one of n. `matrix` is k x n.
Filters times(const Filters& filters, int64_t n, const std::vector<double>& matrix) {
  Filters result{filters.count, n, std::vector<double>(static_cast<size_t>(filters.count * n))};
  kernels::multiply(false, filters.count, n, filters.width, filters.values.data(), matrix.data(),
                    result.values.data());
  return result;
}

double product(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

Filters smoothed(const Filters& filters, const kernels::SymmetricEigen& covariance, int64_t components,
                 double epsilon) {
  const std::vector<double> rows(
      covariance.vectors.begin(),
      covariance.vectors.begin() + static_cast<std::ptrdiff_t>(components * filters.width));
  Filters inside = times(filters, components, transposed(components, filters.width, rows));
  for (size_t i = 0; i < inside.values.size(); ++i) {
    inside.values[i] *= covariance.values[i % static_cast<size_t>(components)] + epsilon;
  }
  return times(inside, filters.width, rows);
}

FilterPair filters_of(const DenseChain& chain) {
  const nn::AffineMap* first = nullptr;
  const nn::AffineMap* last = nullptr;
  for (const DenseChain::Stage& stage : chain.stages()) {
    const auto* map = std::get_if<nn::AffineMap>(&stage);
    if (map == nullptr) continue;
    if (first == nullptr) first = map;
    last = map;
  }
  if (first == last || first->outputs != last->inputs) {
    fail_usage("the network's first layer has ", first->outputs, " units and its last reads ",
               first == last ? first->inputs : last->inputs,
               first == last ? " values, as it is the same layer" : " values",
               "; expected an autoencoder with one hidden layer, or one whose last layer mirrors the first");
  }
  return {{first->outputs, first->inputs, first->matrix},
          {last->inputs, last->outputs, transposed(last->outputs, last->inputs, last->matrix)}};
}

FilterPair unwhitened(const FilterPair& filters, const Whitening& whitening) {
  const int64_t n = whitening.inputs();
  return {times(filters.encoder, n, whitening.transform()),
          times(filters.decoder, n, transposed(n, whitening.outputs(), whitening.inverse()))};
}

std::optional<Prepared> preparation_of(const std::string& dataset_path) {
  const io::File file = io::File::open(dataset_path);
  if (!file.exists("/preparation")) return std::nullopt;
  Inverse inverse = read_inverse(file);
  if (!inverse.whitening) return std::nullopt;
  return Prepared{std::move(*inverse.whitening), Shape::from_dims(inverse.sample_dims)};
}

Fit fit(const Filters& decoder, const Filters& prediction) {
  Fit result{prediction, {}, {}, 0};
  double missed = 0;
  double whole = 0;
  for (int64_t k = 0; k < decoder.count; ++k) {
    const double* a = decoder.values.data() + k * decoder.width;
    double* p = result.predicted.values.data() + k * decoder.width;
    const double squares = product(p, p, decoder.width);
    const double factor = squares > 0 ? product(a, p, decoder.width) / squares : 0;
    double rest = 0;
    for (int64_t i = 0; i < decoder.width; ++i) {
      p[i] *= factor;
      rest += (a[i] - p[i]) * (a[i] - p[i]);
    }
    const double size = product(a, a, decoder.width);
    result.factors.push_back(factor);
    result.residuals.push_back(size > 0 ? std::sqrt(rest / size) : 0);
    missed += rest;
    whole += size;
  }
  result.residual = whole > 0 ? std::sqrt(missed / whole) : 0;
  return result;
}

}  // namespace lockstep::analysis
