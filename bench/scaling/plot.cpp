// Draws measured or forecast scaling: panels beside each other, with a line a series over the number of
// workers.
//
//   scaling_plot TITLE X_LABEL < points.csv > drawing.svg
//
// The first row is panel,scale,series,x,y; scale is "linear" (from 0) or "logarithmic". Panels and series
// stand in the order in which they first come. No text has a comma.
#include "lockstep/analysis/plot.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "lockstep/analysis/svg.h"
#include "lockstep/core/error.h"

namespace {

using namespace lockstep;

struct Series {
  std::string name;
  std::vector<double> x = {};
  std::vector<double> y = {};
};

struct Panel {
  std::string name;
  bool logarithmic = false;
  std::vector<Series> series = {};
};

// The element of that name, new at the end where there is none.
template <class Named>
Named& named(std::vector<Named>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
  return found != all.end() ? *found : all.emplace_back(Named{.name = name});
}

double number(const std::string& text, const std::string& row) {
  size_t end = 0;
  try {
    const double value = std::stod(text, &end);
    if (end == text.size()) return value;
  } catch (const std::exception&) {  // told below
  }
  fail_usage("points.csv: '", text, "' is no number, in the row '", row, "'");
}

std::vector<Panel> read_panels(std::istream& in) {
  constexpr const char* kHeader = "panel,scale,series,x,y";
  std::string row;
  if (!std::getline(in, row) || row != kHeader) {
    fail_usage("points.csv begins with '", row, "'; expected the row ", kHeader);
  }
  std::vector<Panel> panels;
  while (std::getline(in, row)) {
    std::vector<std::string> cells;
    std::istringstream cut(row);
    for (std::string cell; std::getline(cut, cell, ',');) cells.push_back(cell);
    if (cells.size() != 5) fail_usage("points.csv: expected 5 values between commas, found '", row, "'");
    Panel& panel = named(panels, cells[0]);
    panel.logarithmic = cells[1] == "logarithmic";
    Series& series = named(panel.series, cells[2]);
    series.x.push_back(number(cells[3], row));
    series.y.push_back(number(cells[4], row));
  }
  return panels;
}

std::string drawing_of(const Panel& panel, const std::string& x_label) {
  analysis::PlotStyle style;
  style.title = panel.name;
  style.x.label = x_label;
  style.x.logarithmic = true;
  style.y.label = panel.name;
  style.y.logarithmic = panel.logarithmic;
  if (!panel.logarithmic) style.y.low = 0;
  analysis::Plot plot(style);
  for (const Series& series : panel.series) plot.line(series.name, series.x, series.y, true);
  return plot.svg();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) fail_usage("usage: scaling_plot TITLE X_LABEL < points.csv > drawing.svg");
    std::vector<std::string> drawings;
    for (const Panel& panel : read_panels(std::cin)) drawings.push_back(drawing_of(panel, argv[2]));
    std::cout << analysis::side_by_side(drawings, argv[1], 3);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
