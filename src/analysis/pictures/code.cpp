// histogram and embedding: what values a code has, and where in it samples lie.
#include <algorithm>
#include <cmath>

#include "lockstep/analysis/plot.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/linear_algebra.h"
#include "pictures.h"

namespace lockstep::analysis {

namespace {

struct CodeStatistics {
  double mean = 0;
  double deviation = 0;
  double zeros = 0;          // share of all values
  int64_t constant = 0;      // units with one value for all samples
  std::vector<float> means;  // of units
};

CodeStatistics statistics_of(const Rows& code) {
  CodeStatistics result;
  double sum = 0;
  double squares = 0;
  for (const float value : code.values) {
    sum += value;
    squares += static_cast<double>(value) * value;
    result.zeros += value == 0;
  }
  const auto count = static_cast<double>(code.values.size());
  result.mean = sum / count;
  result.deviation = std::sqrt(std::max(0.0, squares / count - result.mean * result.mean));
  result.zeros /= count;
  for (int64_t u = 0; u < code.width; ++u) {
    double of_unit = 0;
    bool constant = true;
    for (int64_t r = 0; r < code.count; ++r) {
      of_unit += code.row(r)[static_cast<size_t>(u)];
      constant = constant && code.row(r)[static_cast<size_t>(u)] == code.row(0)[static_cast<size_t>(u)];
    }
    result.constant += constant;
    result.means.push_back(static_cast<float>(of_unit / static_cast<double>(code.count)));
  }
  return result;
}

struct Embedding {
  std::vector<double> x, y;
  double x_share = 0;  // of the variance
  double y_share = 0;
};

// The first two principal components of the samples at hand, from their inner products, which are fewer than
// a wide code's covariances: X X^T = V S V^T, and the components are the columns of V S^(1/2).
Embedding embed(const Team& team, const Rows& code) {
  const int64_t n = code.count;
  const std::vector<double> places =
      share<double>(team, 1, 2 * n + 2, [&](int64_t, int, std::span<double> result) {
        std::vector<double> centred(static_cast<size_t>(n * code.width));
        std::vector<double> transposed(centred.size());
        for (int64_t u = 0; u < code.width; ++u) {
          double mean = 0;
          for (int64_t r = 0; r < n; ++r) mean += code.row(r)[static_cast<size_t>(u)];
          mean /= static_cast<double>(n);
          for (int64_t r = 0; r < n; ++r) {
            const double value = code.row(r)[static_cast<size_t>(u)] - mean;
            centred[static_cast<size_t>(r * code.width + u)] = transposed[static_cast<size_t>(u * n + r)] =
                value;
          }
        }
        std::vector<double> products(static_cast<size_t>(n * n));
        kernels::multiply(false, n, n, code.width, centred.data(), transposed.data(), products.data());
        const kernels::SymmetricEigen eigen = kernels::symmetric_eigen(n, products.data());
        double all = 0;
        for (const double value : eigen.values) all += std::max(value, 0.0);
        for (int64_t k = 0; k < 2; ++k) {
          const double value = std::max(eigen.values[static_cast<size_t>(k)], 0.0);
          for (int64_t r = 0; r < n; ++r) {
            result[static_cast<size_t>(k * n + r)] =
                std::sqrt(value) * eigen.vectors[static_cast<size_t>(k * n + r)];
          }
          result[static_cast<size_t>(2 * n + k)] = all > 0 ? value / all : 0;
        }
      });
  const auto part = [&](int64_t k) {
    return std::vector<double>(places.begin() + k * n, places.begin() + (k + 1) * n);
  };
  return {part(0), part(1), places[static_cast<size_t>(2 * n)], places[static_cast<size_t>(2 * n + 1)]};
}

Embedding as_it_is(const Rows& code) {
  Embedding result;
  for (int64_t r = 0; r < code.count; ++r) {
    result.x.push_back(code.row(r)[0]);
    result.y.push_back(code.row(r)[1]);
  }
  return result;
}

std::string component_label(const std::string& which, double share) {
  return text(which, " component (", rounded(100 * share, 2), " % of the variance)");
}

}  // namespace

std::string lacks_histogram(const Material& material) { return material.no_code(); }

Picture draw_histogram(Material& material) {
  const Code& code = material.code();
  const CodeStatistics statistics = statistics_of(code.values);
  constexpr double kMany = 0.2;
  const bool without_zeros = statistics.zeros > kMany && statistics.zeros < 1;
  std::vector<float> values = code.values.values;
  if (without_zeros) std::erase(values, 0.0f);
  constexpr int64_t kBins = 40;
  Plot all({.title = without_zeros ? "Values that are not 0" : "Values",
            .x = {.label = "value of a unit"},
            .y = {.label = "count", .whole = true}});
  all.bars("", histogram_of(values, kBins));
  std::vector<std::string> panels = {all.svg()};
  constexpr int64_t kFew = 8;
  if (code.values.width >= kFew) {
    Plot means({.title = "Means of units",
                .x = {.label = "mean of a unit"},
                .y = {.label = "units", .whole = true}});
    means.bars("", histogram_of(statistics.means, std::min(kBins, code.values.width)));
    panels.push_back(means.svg());
  }
  Picture picture;
  picture.svg = side_by_side(panels, "Values of the code", 2);
  picture.caption = text(
      "The code, layer ", code.layer, ", has ", counted(code.values.width, "unit"), "; its values over ",
      counted(code.values.count, "sample"), " of the ", material.subject().split_name, " split have mean ",
      rounded(statistics.mean), " and deviation ", rounded(statistics.deviation), ", ",
      rounded(100 * statistics.zeros), " % are exactly 0", without_zeros ? " (left out here)." : ".");
  if (statistics.constant > 0) {
    picture.caption += " " + counted(statistics.constant, "unit") +
                       (statistics.constant == 1 ? " has" : " have") + " one value for all samples.";
  }
  return picture;
}

std::string lacks_embedding(const Material& material) {
  if (!material.no_code().empty()) return material.no_code();
  const auto& node = material.subject().network.nodes()[static_cast<size_t>(material.code_node())];
  if (node.layer->output_shape().size() < 2) return "its code, layer " + node.name + ", is one number";
  return material.subject().split.rows() < 2 ? "the split has one sample" : "";
}

Picture draw_embedding(Material& material) {
  const Code& code = material.code();
  const bool plane = code.values.width == 2;
  const Embedding places = plane ? as_it_is(code.values) : embed(material.team(), code.values);
  std::vector<std::string> names;
  constexpr int64_t kMostNames = 20;
  for (int64_t c = 0; c < material.subject().info.classes && c < kMostNames; ++c)
    names.push_back(std::to_string(c));
  Plot plot({.title = "Code",
             .x = {.label = plane ? "first unit" : component_label("first", places.x_share)},
             .y = {.label = plane ? "second unit" : component_label("second", places.y_share)},
             .width = 620,
             .height = 420,
             .equal = true});
  plot.points(places.x, places.y, code.labels, names);
  Picture picture;
  picture.svg = plot.svg();
  picture.caption =
      text(plane ? "The two units" : "The first two principal components", " of the code, layer ", code.layer,
           ", of ", counted(code.values.count, "sample"), " of the ", material.subject().split_name, " split",
           code.labels.empty() ? "." : ", coloured by label.");
  return picture;
}

}  // namespace lockstep::analysis
