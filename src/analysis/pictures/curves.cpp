// curves: the history of a run.
#include <algorithm>
#include <cmath>

#include "lockstep/analysis/plot.h"
#include "lockstep/core/error.h"
#include "pictures.h"

namespace lockstep::analysis {

namespace {

using Numbers = std::vector<double>;

constexpr size_t kMostPoints = 500;  // of one line

Numbers column(const io::Table& table, const std::string& name, double factor = 1) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), name);
  if (found == table.columns.end()) fail("the history has no column ", name);
  const auto c = static_cast<size_t>(found - table.columns.begin());
  Numbers values;
  for (size_t r = 0; r < static_cast<size_t>(table.rows()); ++r) {
    values.push_back(factor * table.values[r * table.columns.size() + c]);
  }
  return values;
}

struct Curve {
  Numbers x;
  Numbers y;
};

Curve finite(const Numbers& x, const Numbers& y) {
  Curve curve;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(y[i])) continue;
    curve.x.push_back(x[i]);
    curve.y.push_back(y[i]);
  }
  return curve;
}

// Means of neighbours where there are more points than a drawing can show.
Curve thinned(const Curve& curve) {
  const size_t together = (curve.x.size() + kMostPoints - 1) / kMostPoints;
  if (together < 2) return curve;
  Curve result;
  for (size_t first = 0; first < curve.x.size(); first += together) {
    const size_t end = std::min(first + together, curve.x.size());
    double x = 0;
    double y = 0;
    for (size_t i = first; i < end; ++i) {
      x += curve.x[i];
      y += curve.y[i];
    }
    result.x.push_back(x / static_cast<double>(end - first));
    result.y.push_back(y / static_cast<double>(end - first));
  }
  return result;
}

// Where values span more than a decade.
bool wants_logarithm(const Curve& a, const Curve& b) {
  double low = INFINITY;
  double high = 0;
  for (const Curve* curve : {&a, &b}) {
    for (const double value : curve->y) {
      if (value <= 0) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  return high > 10 * low;
}

std::string draw_panel(const Subject& subject, const std::string& title, const std::string& label,
                       const std::string& quantity, double factor) {
  const io::Table& history = subject.history;
  const Numbers epochs = column(history, "epoch");
  const Curve train = thinned(finite(epochs, column(history, "train_" + quantity, factor)));
  const Curve evaluation = thinned(finite(epochs, column(history, "evaluation_" + quantity, factor)));
  constexpr size_t kFew = 30;
  Plot plot({.title = title,
             .x = {.label = "epoch"},
             .y = {.label = label, .logarithmic = wants_logarithm(train, evaluation)}});
  plot.line("training", train.x, train.y, train.x.size() < kFew);
  if (!evaluation.x.empty())
    plot.line(subject.evaluated, evaluation.x, evaluation.y, evaluation.x.size() < kFew);
  return plot.svg();
}

}  // namespace

std::string lacks_curves(const Material& material) {
  return material.subject().history.rows() > 0 ? "" : "its history has no rows yet";
}

Picture draw_curves(Material& material) {
  const Subject& subject = material.subject();
  const std::string error = subject.classifies ? "error (%)" : "squared error a sample";
  Picture picture;
  picture.svg = side_by_side({draw_panel(subject, "Loss", "loss", "loss", 1),
                              draw_panel(subject, "Error", error, "error", subject.classifies ? 100 : 1)},
                             "Loss and error over training", 2);
  const int64_t rows = subject.history.rows();
  picture.caption = text("Loss and error over training: means over the samples between two of the history's ",
                         counted(rows, "row"));
  const int64_t together = (rows + static_cast<int64_t>(kMostPoints) - 1) / static_cast<int64_t>(kMostPoints);
  if (together > 1) picture.caption += text(" (", together, " rows a point)");
  const Numbers evaluations = column(subject.history, "evaluation_loss");
  if (std::any_of(evaluations.begin(), evaluations.end(), [](double v) { return std::isfinite(v); })) {
    picture.caption += text(", and over the ", subject.evaluated, " split at the ends of epochs",
                            data::views_text(subject.evaluated_both_views));
  }
  picture.caption += ".";
  return picture;
}

}  // namespace lockstep::analysis
