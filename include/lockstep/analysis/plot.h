// Plots as SVG: lines, histograms, scatter plots, and over a plane heat maps, contours, arrows and
// trajectories. Layers are drawn in the order in which they are added; all share the axes.
//
//   Plot plot({.title = "Loss", .x = {.label = "epoch"}, .y = {.label = "loss", .logarithmic = true}});
//   plot.line("training", epochs, losses);
//   write(plot.svg());
//
// Points that are not finite, or not positive on a logarithmic axis, are left out; a line breaks there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lockstep/analysis/colours.h"
#include "lockstep/analysis/svg.h"

namespace lockstep::analysis {

struct Axis {
  std::string label = {};
  bool logarithmic = false;
  // Where it ends; nothing: where what is drawn ends, a little further to a round number or margin.
  std::optional<double> low = std::nullopt;
  std::optional<double> high = std::nullopt;
  bool whole = false;  // ticks at whole numbers only
};

struct PlotStyle {
  std::string title = {};
  Axis x = {};
  Axis y = {};
  double width = 460;  // of the whole drawing
  double height = 320;
  bool equal = false;  // a unit is as long on both axes: for planes
};

// Numbers at regular places of a plane.
struct PlaneGrid {
  int64_t columns = 0;
  int64_t rows = 0;
  double x_low = 0;  // of the first column; the last is at x_high
  double x_high = 1;
  double y_low = 0;  // of the first row
  double y_high = 1;
  std::vector<double> values;  // rows x columns

  double x(int64_t column) const;
  double y(int64_t row) const;
};

// Arrows from (x, y), a vector each. All four have the same length.
struct VectorField {
  std::vector<double> x, y, u, v;
};

struct Histogram {
  double low = 0;
  double high = 1;
  std::vector<double> counts;  // of bins of equal width
};

// Counts what is finite, from the least to the largest value; one bin around it where all are the same.
Histogram histogram_of(std::span<const float> values, int64_t bins);

// Round numbers within [low, high], about so many: 1, 2 or 5 times a power of ten apart; on a logarithmic
// axis powers of ten, and their 2 and 5 times where there are few.
std::vector<double> ticks(double low, double high, bool logarithmic, int64_t about, bool whole = false);
// "0.25", "12000", "2e-5".
std::string tick_text(double value);

class Plot {
 public:
  explicit Plot(PlotStyle style) : style_(std::move(style)) {}

  // A name is an entry of the legend; an empty one is none. Colours go round by the order of series.
  void line(const std::string& name, std::span<const double> x, std::span<const double> y,
            bool marks = false);
  void bars(const std::string& name, const Histogram& histogram);
  // `classes` is empty or one a point, below names.size() where there are names; only classes that occur are
  // in the legend.
  void points(std::span<const double> x, std::span<const double> y, std::span<const int32_t> classes = {},
              const std::vector<std::string>& names = {}, double radius = 2.2);
  // Marks at places that stand out, such as fixed points: filled or hollow.
  void marks(const std::string& name, std::span<const double> x, std::span<const double> y, bool filled);
  // Cells around the grid's places, with a colour scale on the right, labelled so.
  void heat_map(const PlaneGrid& grid, ColourMap map, const std::string& label);
  // Lines of equal value (marching squares with linear interpolation), at these levels.
  void contours(const PlaneGrid& grid, std::span<const double> levels);
  // The longest arrow gets `longest` in units of x; 0: what keeps neighbours of a regular grid apart.
  void arrows(const VectorField& field, double longest = 0);
  // From a hollow mark to a filled one. Trajectories have one entry in the legend together.
  void trajectory(const std::string& name, std::span<const double> x, std::span<const double> y);

  std::string svg() const;

 private:
  struct Canvas;
  using Layer = std::function<void(const Canvas&)>;
  struct Entry {
    std::string name;
    std::string colour;
    char mark;  // 'l'ine, 'b'ar, 'p'oint, 'o' hollow mark
  };
  struct Scale {
    double low;
    double high;
    ColourMap map;
    std::string label;
  };
  struct Extent {
    std::optional<double> low, high;
    void include(double value);
  };

  struct Place {
    double x, y;
  };
  struct Layout;

  std::vector<Place> legend_places(double width) const;
  Layout layout() const;
  void draw_frame(Svg& svg, const Layout& layout) const;
  bool drawable(double x, double y) const;
  void include(std::span<const double> x, std::span<const double> y);
  std::string next_colour(const std::string& name, char mark);

  PlotStyle style_;
  Extent x_, y_;
  bool tight_ = false;  // axes end where the data ends: under a heat map
  bool from_zero_ = false;
  int64_t series_ = 0;
  std::vector<Layer> layers_;
  std::vector<Entry> legend_;
  std::optional<Scale> scale_;
};

}  // namespace lockstep::analysis
