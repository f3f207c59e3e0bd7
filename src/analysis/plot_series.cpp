// Layers of a plot that show numbers one by one: lines, bars, points.
#include <algorithm>
#include <map>

#include "lockstep/core/error.h"
#include "plot_canvas.h"

namespace lockstep::analysis {

namespace {

using Numbers = std::vector<double>;

Numbers copy_of(std::span<const double> values) { return {values.begin(), values.end()}; }

void require_pairs(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size()) fail("a plot of ", x.size(), " x and ", y.size(), " y; expected as many of both");
}

}  // namespace

void Plot::line(const std::string& name, std::span<const double> xs, std::span<const double> ys, bool marks) {
  require_pairs(xs, ys);
  include(xs, ys);
  layers_.push_back(
      [colour = next_colour(name, 'l'), x = copy_of(xs), y = copy_of(ys), marks](const Canvas& canvas) {
        std::string places;
        bool under_way = false;
        for (size_t i = 0; i < x.size(); ++i) {
          const bool here = canvas.shows(x[i], y[i]);
          if (here) places += (under_way ? "L" : "M") + canvas.point(x[i], y[i]);
          under_way = here;
        }
        canvas.svg.open("g", {{"class", "line"}, {"fill", colour}});
        if (!places.empty()) canvas.path(places, colour, 1.8);
        for (size_t i = 0; marks && i < x.size(); ++i) {
          if (canvas.shows(x[i], y[i])) canvas.circle(x[i], y[i], 2.8);
        }
        canvas.svg.close();
      });
}

void Plot::bars(const std::string& name, const Histogram& histogram) {
  from_zero_ = true;
  x_.include(histogram.low);
  x_.include(histogram.high);
  for (const double count : histogram.counts) y_.include(count);
  layers_.push_back([colour = next_colour(name, 'b'), histogram](const Canvas& canvas) {
    const double width = (histogram.high - histogram.low) / static_cast<double>(histogram.counts.size());
    const double base = canvas.y(canvas.y.logarithmic ? canvas.y.low : 0);
    canvas.svg.open("g", {{"class", "bars"}, {"fill", colour}, {"fill-opacity", "0.85"}});
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      if (histogram.counts[i] <= 0) continue;
      const double left = canvas.x(histogram.low + width * static_cast<double>(i));
      const double right = canvas.x(histogram.low + width * static_cast<double>(i + 1));
      const double top = canvas.y(histogram.counts[i]);
      const double gap = right - left > 4 ? 1 : 0;
      canvas.svg.element("rect",
                         {{"x", left}, {"y", top}, {"width", right - left - gap}, {"height", base - top}});
    }
    canvas.svg.close();
  });
}

void Plot::points(std::span<const double> xs, std::span<const double> ys, std::span<const int32_t> classes,
                  const std::vector<std::string>& names, double radius) {
  require_pairs(xs, ys);
  include(xs, ys);
  std::map<int32_t, std::vector<size_t>> members;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (drawable(xs[i], ys[i])) members[classes.empty() ? 0 : classes[i]].push_back(i);
  }
  for (const auto& [c, who] : members) {
    if (static_cast<size_t>(c) < names.size()) {
      legend_.push_back({names[static_cast<size_t>(c)], hex(class_colour(c)), 'p'});
    }
  }
  layers_.push_back([members, x = copy_of(xs), y = copy_of(ys), radius](const Canvas& canvas) {
    canvas.svg.open("g", {{"class", "points"}, {"fill-opacity", "0.75"}});
    for (const auto& [c, who] : members) {
      canvas.svg.open("g", {{"class", "class-" + std::to_string(c)}, {"fill", hex(class_colour(c))}});
      for (const size_t i : who) canvas.circle(x[i], y[i], radius);
      canvas.svg.close();
    }
    canvas.svg.close();
  });
}

void Plot::marks(const std::string& name, std::span<const double> xs, std::span<const double> ys,
                 bool filled) {
  require_pairs(xs, ys);
  include(xs, ys);
  const std::string colour = next_colour(name, filled ? 'p' : 'o');
  layers_.push_back([colour, x = copy_of(xs), y = copy_of(ys), filled](const Canvas& canvas) {
    canvas.svg.open("g", {{"class", "marks"},
                          {"fill", filled ? colour : "none"},
                          {"stroke", filled ? "#ffffff" : colour},
                          {"stroke-width", filled ? 1.0 : 2.0}});
    for (size_t i = 0; i < x.size(); ++i) {
      if (canvas.shows(x[i], y[i])) canvas.circle(x[i], y[i], 4.5);
    }
    canvas.svg.close();
  });
}

}  // namespace lockstep::analysis
