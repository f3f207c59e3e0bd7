#include "lockstep/analysis/energy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "line_integral.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/linear_algebra.h"

namespace lockstep::analysis {

namespace {

using nn::AffineMap;
using nn::ScalarFunction;

constexpr int64_t kRows = 32;  // whose energies are computed at once

// Of integrals along a line, of the integral of the absolute value: of one energy of many; of checks; of what
// is in single precision.
constexpr double kTolerance = 1e-7;
constexpr double kFineTolerance = 1e-10;
constexpr double kSingleTolerance = 1e-5;
// How often a line is halved at most.
constexpr int kDeepest = 40;
constexpr int kDeepestSingle = 6;

bool is_sigmoid(const DenseChain::Stage& stage) {
  const auto* function = std::get_if<ScalarFunction>(&stage);
  return function != nullptr && std::string(function->name) == "sigmoid";
}

bool are_transposed(const AffineMap& a, const AffineMap& b) {
  if (a.inputs != b.outputs || a.outputs != b.inputs) return false;
  for (int64_t o = 0; o < a.outputs; ++o) {
    for (int64_t i = 0; i < a.inputs; ++i) {
      if (a.matrix[static_cast<size_t>(o * a.inputs + i)] != b.matrix[static_cast<size_t>(i * a.outputs + o)])
        return false;
    }
  }
  return true;
}

// Of independent binary variables of these means, which may be out of [0, 1] by rounding.
double entropy(const Point& means) {
  constexpr double kRounding = 1e-6;
  double sum = 0;
  for (const double x : means) {
    if (!(x >= -kRounding && x <= 1 + kRounding)) return std::numeric_limits<double>::quiet_NaN();
    if (x > 0 && x < 1) sum -= x * std::log(x) + (1 - x) * std::log1p(-x);
  }
  return sum;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Point difference(const Point& a, const Point& b) {
  Point d(a.size());
  for (size_t i = 0; i < d.size(); ++i) d[i] = a[i] - b[i];
  return d;
}

// outer(inner(x))
AffineMap compose(const AffineMap& outer, const AffineMap& inner) {
  AffineMap map{outer.outputs, inner.inputs,
                std::vector<double>(static_cast<size_t>(outer.outputs * inner.inputs)),
                std::vector<double>(static_cast<size_t>(outer.outputs))};
  kernels::multiply(false, outer.outputs, inner.inputs, outer.inputs, outer.matrix.data(),
                    inner.matrix.data(), map.matrix.data());
  kernels::multiply(false, outer.outputs, 1, outer.inputs, outer.matrix.data(), inner.offset.data(),
                    map.offset.data());
  for (size_t i = 0; i < map.offset.size(); ++i) map.offset[i] += outer.offset[i];
  return map;
}

// t -> direction . chain(from + t direction). What is linear at either end is applied to the line and to the
// direction beforehand, so that no wide matrix is left.
DenseChain along_line(const DenseChain& chain, const Point& from, const Point& direction) {
  const auto width = static_cast<int64_t>(from.size());
  std::vector<DenseChain::Stage> stages = chain.stages();
  const auto is_affine = [](const DenseChain::Stage& s) { return std::holds_alternative<AffineMap>(s); };
  AffineMap last{1, chain.outputs(), direction, {0}};
  if (is_affine(stages.back())) {
    last = compose(last, std::get<AffineMap>(stages.back()));
    stages.pop_back();
  }
  AffineMap first{width, 1, direction, from};
  if (!stages.empty() && is_affine(stages.front())) {
    first = compose(std::get<AffineMap>(stages.front()), first);
    stages.erase(stages.begin());
  }
  stages.insert(stages.begin(), std::move(first));
  stages.emplace_back(std::move(last));
  return DenseChain(std::move(stages));
}

}  // namespace

Energy::Energy(const DenseChain& chain, Point start) : start_(std::move(start)) { take_chain(chain); }

Energy::Energy(const nn::Network& network, const nn::NetworkSettings& settings, const float* parameters,
               bool sigmoid_on_top, const Team& team, Point start)
    : start_(std::move(start)) {
  if (const auto chain = DenseChain::of(network, parameters, sigmoid_on_top);
      chain && chain->inputs() == chain->outputs()) {
    take_chain(*chain);
    return;
  }
  binary_ = sigmoid_on_top;
  const int last = nn::stand_in(network, static_cast<int>(network.nodes().size()) - 1);
  const nn::Node& node = network.nodes()[static_cast<size_t>(last)];
  if (!sigmoid_on_top && node.type == "sigmoid" && node.inputs[0] >= 0) {
    binary_ = true;
    part_ = std::make_unique<nn::SubNetwork>(nn::sub_network(network, settings, parameters, node.inputs[0]));
    field_.emplace(part_->network, part_->parameters.data(), false, team);
  } else {
    field_.emplace(network, parameters, false, team);
  }
  start_.resize(static_cast<size_t>(width()));
}

void Energy::take_chain(const DenseChain& chain) {
  std::vector<DenseChain::Stage> stages = chain.stages();
  binary_ = is_sigmoid(stages.back());
  if (binary_) stages.pop_back();
  DenseChain field(std::move(stages));
  tied_ = tied_form(field);
  field_.emplace(std::move(field));
  start_.resize(static_cast<size_t>(width()));
}

std::optional<Energy::Tied> Energy::tied_form(const DenseChain& chain) {
  const auto& stages = chain.stages();
  if (stages.size() < 2 || stages.size() > 3) return std::nullopt;
  const auto* encoder = std::get_if<AffineMap>(&stages.front());
  const auto* decoder = std::get_if<AffineMap>(&stages.back());
  if (encoder == nullptr || decoder == nullptr || !are_transposed(*encoder, *decoder)) return std::nullopt;
  if (stages.size() == 2) return Tied{*encoder, nn::scalar_function("identity"), *decoder};
  if (const auto* function = std::get_if<ScalarFunction>(&stages[1]))
    return Tied{*encoder, *function, *decoder};
  if (std::holds_alternative<Winner>(stages[1])) return Tied{*encoder, Winner{}, *decoder};
  return std::nullopt;
}

std::string Energy::description() const {
  const std::string own = binary_ ? "c.x + entropy of x" : "|x - c|^2 / 2";
  if (!closed()) {
    return text("line integral of ", binary_ ? "logit r(x) - logit x" : "r(x) - x",
                field_->exact() ? "" : ", in single precision");
  }
  const auto* function = std::get_if<ScalarFunction>(&tied_->h);
  const std::string sign = binary_ ? " + " : " - ";
  if (function == nullptr) return "closed form, max_k s_k" + sign + own;
  return text("closed form, sum_k I(s_k)", sign, own, ", I the antiderivative of ", function->name);
}

// `products`: W x.
double Energy::closed_form(const Point& x, const double* products) const {
  const auto units = static_cast<size_t>(tied_->encoder.outputs);
  const auto score = [&](size_t k) { return products[k] + tied_->encoder.offset[k]; };
  const Point& c = tied_->decoder.offset;
  double energy = own_part(x) + product(c, x) - (binary_ ? 0 : product(c, c) / 2);
  if (const auto* function = std::get_if<ScalarFunction>(&tied_->h)) {
    for (size_t k = 0; k < units; ++k) energy += function->antiderivative(score(k));
    return energy;
  }
  double highest = score(0);
  for (size_t k = 1; k < units; ++k) highest = std::max(highest, score(k));
  return energy + highest;
}

// What the field's -x, or -logit x, is the gradient of.
double Energy::own_part(const Point& x) const { return binary_ ? entropy(x) : -product(x, x) / 2; }

double Energy::operator()(const Point& x, int slot) const {
  if (!closed()) return segment(start_, x, kTolerance, slot);
  std::vector<double> products(static_cast<size_t>(tied_->encoder.outputs));
  kernels::multiply(false, tied_->encoder.outputs, 1, width(), tied_->encoder.matrix.data(), x.data(),
                    products.data());
  return closed_form(x, products.data());
}

std::vector<double> Energy::of_rows(std::span<const float> rows, int slot) const {
  const auto features = static_cast<size_t>(width());
  const size_t count = rows.size() / features;
  const std::vector<double> values(rows.begin(), rows.end());
  std::vector<double> products;
  int64_t units = 0;
  if (closed()) {
    // s is x W^T, and W^T the decoder.
    units = tied_->encoder.outputs;
    products.resize(count * static_cast<size_t>(units));
    kernels::multiply(false, static_cast<int64_t>(count), units, width(), values.data(),
                      tied_->decoder.matrix.data(), products.data());
  }
  std::vector<double> result;
  for (size_t i = 0; i < count; ++i) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * features);
    const Point x(begin, begin + static_cast<std::ptrdiff_t>(features));
    result.push_back(closed() ? closed_form(x, products.data() + i * static_cast<size_t>(units))
                              : segment(start_, x, kTolerance, slot));
  }
  return result;
}

double Energy::along(const std::vector<Point>& path, int slot) const {
  double sum = 0;
  for (size_t i = 1; i < path.size(); ++i) sum += segment(path[i - 1], path[i], kFineTolerance, slot);
  return sum;
}

double Energy::segment(const Point& from, const Point& to, double tolerance, int slot) const {
  const Point direction = difference(to, from);
  const double own = own_part(to) - own_part(from);
  if (field_->exact()) {
    const DenseChain line = along_line(field_->chain(), from, direction);
    return own + integrate(
                     [&](const std::vector<double>& t) {
                       return line.of_columns(static_cast<int64_t>(t.size()), t);
                     },
                     tolerance, kDeepest);
  }
  const auto on_line = [&](const std::vector<double>& t) {
    Rows rows{static_cast<int64_t>(t.size()), width(), {}};
    for (const double place : t) {
      for (size_t i = 0; i < from.size(); ++i) {
        rows.values.push_back(static_cast<float>(from[i] + place * direction[i]));
      }
    }
    const std::vector<double> outputs = field_->outputs(rows, slot);
    std::vector<double> values(t.size());
    for (size_t i = 0; i < outputs.size(); ++i)
      values[i / from.size()] += outputs[i] * direction[i % from.size()];
    return values;
  };
  return own + integrate(on_line, kSingleTolerance, kDeepestSingle);
}

double Energy::curl(const Point& x, int slot) const { return asymmetry(width(), field_->jacobian(x, slot)); }

std::vector<double> energies(const Team& team, const Energy& energy, const Rows& inputs) {
  const int64_t blocks = (inputs.count + kRows - 1) / kRows;
  auto result = share<double>(team, blocks, kRows, [&](int64_t block, int slot, std::span<double> out) {
    const int64_t first = block * kRows;
    const int64_t count = std::min(kRows, inputs.count - first);
    const auto rows =
        std::span(inputs.values)
            .subspan(static_cast<size_t>(first * inputs.width), static_cast<size_t>(count * inputs.width));
    const std::vector<double> found = energy.of_rows(rows, slot);
    std::copy(found.begin(), found.end(), out.begin());
  });
  result.resize(static_cast<size_t>(inputs.count));
  return result;
}

PathDependence path_dependence(const Team& team, const Energy& energy, const Rows& points) {
  const auto found = share<double>(team, points.count, 2, [&](int64_t item, int slot, std::span<double> out) {
    const auto row = points.row(item);
    const Point x(row.begin(), row.end());
    // First the first half of the values, then the others.
    Point corner = energy.start();
    std::copy_n(x.begin(), x.size() / 2, corner.begin());
    out[0] = energy.curl(x, slot);
    out[1] = energy.along({energy.start(), corner, x}, slot) - energy.along({energy.start(), x}, slot);
  });
  PathDependence result;
  const double count = static_cast<double>(std::max<int64_t>(points.count, 1));
  for (size_t i = 0; i < found.size(); i += 2) {
    result.curl += found[i] / count;
    result.difference += found[i + 1] * found[i + 1] / count;
  }
  result.difference = std::sqrt(result.difference);
  result.matters = result.curl > curl_of_rounding(energy.exact());
  result.samples = points.count;
  return result;
}

std::string path_warning(const PathDependence& path, const std::string& start) {
  std::array<char, 32> curl;
  std::array<char, 32> difference;
  std::snprintf(curl.data(), curl.size(), "%.3g", path.curl);
  std::snprintf(difference.data(), difference.size(), "%.3g", path.difference);
  return text(
      "these energies depend on the path: the weights are not tied, or not of one hidden layer, or the "
      "output is not linear or a sigmoid, and the curl |J - J^T| / |J| is ",
      curl.data(), ". They are integrals along straight lines from ", start,
      "; along another path they differ by ", difference.data(), " (root mean square, ", path.samples,
      " samples)");
}

}  // namespace lockstep::analysis
