// Layers of a plot over a plane: heat maps, contours, arrows, trajectories.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lockstep/core/error.h"
#include "plot_canvas.h"

namespace lockstep::analysis {

namespace {

void require_grid(const PlaneGrid& grid) {
  const auto needed = static_cast<size_t>(grid.rows * grid.columns);
  if (grid.rows < 2 || grid.columns < 2 || grid.values.size() != needed) {
    fail("a grid of ", grid.rows, "x", grid.columns, " places with ", grid.values.size(),
         " values; expected 2x2 places or more and a value each");
  }
}

Range finite_range(const std::vector<double>& values) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  if (!(range.high > range.low)) {
    const double middle = std::isfinite(range.low) ? range.low : 0;
    range = {middle - 0.5, middle + 0.5};
  }
  return range;
}

Image coloured(const PlaneGrid& grid, ColourMap map, const Range& range) {
  Image image(grid.columns, grid.rows, 3, 128);  // grey: not finite
  for (int64_t r = 0; r < grid.rows; ++r) {
    for (int64_t c = 0; c < grid.columns; ++c) {
      const double value = grid.values[static_cast<size_t>(r * grid.columns + c)];
      if (!std::isfinite(value)) continue;
      const Colour colour = map_colour(map, (value - range.low) / (range.high - range.low));
      for (int64_t k = 0; k < 3; ++k) image.at(c, grid.rows - 1 - r, k) = colour[static_cast<size_t>(k)];
    }
  }
  return image;
}

struct PlanePoint {
  double x;
  double y;
};

// Where the level crosses the edges of one cell: pairs of places to be joined.
void cross_cell(const PlaneGrid& grid, int64_t row, int64_t column, double level, std::vector<PlanePoint>& pairs) {
  // Corners counter-clockwise from the lower left.
  static constexpr std::array<std::array<int64_t, 2>, 4> kCorners = {{{0, 0}, {0, 1}, {1, 1}, {1, 0}}};
  std::array<double, 4> value;
  for (size_t k = 0; k < 4; ++k) {
    value[k] =
        grid.values[static_cast<size_t>((row + kCorners[k][0]) * grid.columns + column + kCorners[k][1])];
    if (!std::isfinite(value[k])) return;
  }
  std::vector<PlanePoint> crossings;
  for (size_t k = 0; k < 4; ++k) {
    const size_t next = (k + 1) % 4;
    if ((value[k] >= level) == (value[next] >= level)) continue;
    const double part = (level - value[k]) / (value[next] - value[k]);
    const auto at = [&](size_t corner) {
      return PlanePoint{grid.x(column + kCorners[corner][1]), grid.y(row + kCorners[corner][0])};
    };
    const PlanePoint a = at(k);
    const PlanePoint b = at(next);
    crossings.push_back({a.x + part * (b.x - a.x), a.y + part * (b.y - a.y)});
  }
  // In a saddle the mean of the corners says which two of them belong together.
  const double middle = (value[0] + value[1] + value[2] + value[3]) / 4;
  if (crossings.size() == 4 && (middle >= level) != (value[0] >= level)) {
    std::rotate(crossings.begin(), crossings.begin() + 3, crossings.end());
  }
  pairs.insert(pairs.end(), crossings.begin(), crossings.end());
}

// The least distance between two starts, along one axis: that of a regular grid.
double spacing_of(std::vector<double> places) {
  std::sort(places.begin(), places.end());
  double least = std::numeric_limits<double>::infinity();
  const double extent = places.empty() ? 0 : places.back() - places.front();
  for (size_t i = 1; i < places.size(); ++i) {
    const double step = places[i] - places[i - 1];
    if (step > 1e-9 * extent) least = std::min(least, step);
  }
  return std::isfinite(least) ? least : 1;
}

std::string arrow_path(double x, double y, double dx, double dy) {
  const double length = std::hypot(dx, dy);
  const double head = std::min(4.0, 0.5 * length);
  const double ux = length > 0 ? dx / length : 0;
  const double uy = length > 0 ? dy / length : 0;
  const auto place = [](double px, double py) { return svg_number(px) + " " + svg_number(py); };
  const double tip_x = x + dx;
  const double tip_y = y + dy;
  return "M" + place(x, y) + "L" + place(tip_x, tip_y) + "M" +
         place(tip_x - head * (ux + 0.6 * uy), tip_y - head * (uy - 0.6 * ux)) + "L" + place(tip_x, tip_y) +
         "L" + place(tip_x - head * (ux - 0.6 * uy), tip_y - head * (uy + 0.6 * ux));
}

}  // namespace

void Plot::heat_map(const PlaneGrid& grid, ColourMap map, const std::string& label) {
  require_grid(grid);
  Range range = finite_range(grid.values);
  if (map == ColourMap::kDiverging) {
    const double largest = std::max(std::abs(range.low), std::abs(range.high));
    range = {-largest, largest};
  }
  tight_ = true;
  const double half_x = (grid.x_high - grid.x_low) / static_cast<double>(grid.columns - 1) / 2;
  const double half_y = (grid.y_high - grid.y_low) / static_cast<double>(grid.rows - 1) / 2;
  const std::array<double, 2> xs = {grid.x_low - half_x, grid.x_high + half_x};
  const std::array<double, 2> ys = {grid.y_low - half_y, grid.y_high + half_y};
  include(xs, ys);
  scale_ = Scale{range.low, range.high, map, label};
  layers_.push_back([image = coloured(grid, map, range), xs, ys](const Canvas& canvas) {
    canvas.svg.open("g", {{"class", "heat-map"}});
    canvas.svg.image(canvas.x(xs[0]), canvas.y(ys[1]), canvas.x(xs[1]) - canvas.x(xs[0]),
                     canvas.y(ys[0]) - canvas.y(ys[1]), image);
    canvas.svg.close();
  });
}

void Plot::contours(const PlaneGrid& grid, std::span<const double> levels) {
  require_grid(grid);
  tight_ = true;
  const std::array<double, 2> xs = {grid.x_low, grid.x_high};
  const std::array<double, 2> ys = {grid.y_low, grid.y_high};
  include(xs, ys);
  layers_.push_back([grid, levels = std::vector<double>(levels.begin(), levels.end())](const Canvas& canvas) {
    canvas.svg.open("g", {{"class", "contours"}, {"opacity", "0.6"}});
    for (const double level : levels) {
      std::vector<PlanePoint> pairs;
      for (int64_t r = 0; r + 1 < grid.rows; ++r) {
        for (int64_t c = 0; c + 1 < grid.columns; ++c) cross_cell(grid, r, c, level, pairs);
      }
      std::string places;
      for (size_t i = 0; i < pairs.size(); i += 2) {
        places +=
            "M" + canvas.point(pairs[i].x, pairs[i].y) + "L" + canvas.point(pairs[i + 1].x, pairs[i + 1].y);
      }
      if (!places.empty()) canvas.ink_path(places, 0.9);
    }
    canvas.svg.close();
  });
}

void Plot::arrows(const VectorField& field, double longest) {
  if (field.x.size() != field.y.size() || field.u.size() != field.x.size() ||
      field.v.size() != field.x.size()) {
    fail("a vector field of ", field.x.size(), ", ", field.y.size(), ", ", field.u.size(), " and ",
         field.v.size(), " numbers; expected as many of x, y, u and v");
  }
  include(field.x, field.y);
  double largest = 0;
  for (size_t i = 0; i < field.x.size(); ++i) {
    const double length = std::hypot(field.u[i], field.v[i]);
    if (std::isfinite(length)) largest = std::max(largest, length);
  }
  if (longest <= 0) longest = 0.95 * spacing_of(field.x);
  const double factor = largest > 0 ? longest / largest : 0;
  layers_.push_back([field, factor](const Canvas& canvas) {
    canvas.svg.open("g", {{"class", "arrows"}});
    for (size_t i = 0; i < field.x.size(); ++i) {
      const double u = factor * field.u[i];
      const double v = factor * field.v[i];
      if (!canvas.shows(field.x[i], field.y[i]) || !std::isfinite(u) || !std::isfinite(v)) continue;
      const double x = canvas.x(field.x[i]);
      const double y = canvas.y(field.y[i]);
      canvas.ink_path(arrow_path(x, y, canvas.x(field.x[i] + u) - x, canvas.y(field.y[i] + v) - y), 1.1);
    }
    canvas.svg.close();
  });
}

void Plot::trajectory(const std::string& name, std::span<const double> xs, std::span<const double> ys) {
  include(xs, ys);
  const auto same = [&](const Entry& entry) { return entry.name == name && entry.mark == 'l'; };
  const auto known = std::find_if(legend_.begin(), legend_.end(), same);
  const std::string colour = known != legend_.end() ? known->colour : next_colour(name, 'l');
  layers_.push_back([colour, x = std::vector<double>(xs.begin(), xs.end()),
                     y = std::vector<double>(ys.begin(), ys.end())](const Canvas& canvas) {
    std::string places;
    for (size_t i = 0; i < x.size(); ++i) {
      if (canvas.shows(x[i], y[i])) places += (places.empty() ? "M" : "L") + canvas.point(x[i], y[i]);
    }
    if (places.empty()) return;
    canvas.svg.open("g", {{"class", "trajectory"}, {"fill", colour}});
    canvas.path(places, "#ffffff", 3.2);
    canvas.path(places, colour, 1.8);
    canvas.svg.open("g",
                    {{"class", "start"}, {"fill", "#ffffff"}, {"stroke", colour}, {"stroke-width", 1.5}});
    canvas.circle(x.front(), y.front(), 2.6);
    canvas.svg.close();
    canvas.circle(x.back(), y.back(), 3);
    canvas.svg.close();
  });
}

}  // namespace lockstep::analysis
