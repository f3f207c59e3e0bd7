// The area of a plot while it is drawn: from values to places, and what layers draw with.
#pragma once

#include <cmath>
#include <string>

#include "lockstep/analysis/plot.h"

namespace lockstep::analysis {

// One axis: values from low to high, places from `begin` to `end`.
struct Mapping {
  double low;
  double high;
  double begin;
  double end;
  bool logarithmic;

  bool shows(double value) const { return std::isfinite(value) && (value > 0 || !logarithmic); }
  double operator()(double value) const {
    const double part =
        logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return begin + part * (end - begin);
  }
};

// Where everything lies.
struct Plot::Layout {
  Mapping x;
  Mapping y;
  double height;  // of the drawing
  std::vector<Place> legend;
  double legend_top;
};

struct Plot::Canvas {
  Svg& svg;
  Mapping x;
  Mapping y;
  bool on_heat_map;

  bool shows(double px, double py) const { return x.shows(px) && y.shows(py); }
  std::string point(double px, double py) const { return svg_number(x(px)) + " " + svg_number(y(py)); }
  void path(const std::string& places, const std::string& colour, double width) const {
    svg.element("path", {{"d", places},
                         {"fill", "none"},
                         {"stroke", colour},
                         {"stroke-width", width},
                         {"stroke-linejoin", "round"},
                         {"stroke-linecap", "round"}});
  }
  // A line that reads on what is below: white with a dark seam on a heat map, else the colour of text.
  void ink_path(const std::string& places, double width) const {
    if (!on_heat_map) return path(places, "currentColor", width);
    path(places, "rgba(0,0,0,0.35)", width + 1.4);
    path(places, "#ffffff", width);
  }
  void circle(double px, double py, double radius) const {
    svg.element("circle", {{"cx", x(px)}, {"cy", y(py)}, {"r", radius}});
  }
};

}  // namespace lockstep::analysis
