// The frame of a plot: title, legend, axes, colour scale.
#include "lockstep/analysis/plot.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "plot_canvas.h"

namespace lockstep::analysis {

namespace {

constexpr double kFont = 11;
constexpr double kLine = 16;  // of text
constexpr double kScaleWidth = 12;
constexpr const char* kFaint = "0.13";
constexpr const char* kSoft = "0.75";

// About; fonts differ.
double text_width(const std::string& text) { return 0.56 * kFont * static_cast<double>(text.size()); }

double widest(const std::vector<double>& places) {
  double width = 0;
  for (const double place : places) width = std::max(width, text_width(tick_text(place)));
  return width;
}

struct Limits {
  double low;
  double high;
};

// Where an axis begins and ends: as asked, or around what is drawn.
Limits limits_of(const Axis& axis, std::optional<double> least, std::optional<double> most, bool tight,
                 bool from_zero) {
  double low = least.value_or(axis.logarithmic ? 0.1 : 0);
  double high = most.value_or(1);
  if (from_zero) low = std::min(low, 0.0);
  constexpr double kPadding = 0.04;
  if (axis.logarithmic) {
    const double factor = high > low ? std::pow(high / low, kPadding) : 2;
    low /= factor;
    high *= factor;
  } else if (!(high > low)) {
    const double half = low == 0 ? 0.5 : std::abs(low) / 2;
    low -= half;
    high += half;
  } else if (!tight) {
    const double padding = kPadding * (high - low);
    if (!from_zero) low -= padding;
    high += padding;
  }
  return {axis.low.value_or(low), axis.high.value_or(high)};
}

void draw_x_axis(Svg& svg, const Axis& axis, const Mapping& x, const Mapping& y) {
  const auto about = std::max<int64_t>(2, static_cast<int64_t>((x.end - x.begin) / 60));
  svg.open("g", {{"class", "x-axis"}, {"text-anchor", "middle"}});
  for (const double place : ticks(x.low, x.high, axis.logarithmic, about, axis.whole)) {
    svg.element("line", {{"x1", x(place)},
                         {"x2", x(place)},
                         {"y1", y.end},
                         {"y2", y.begin},
                         {"stroke", "currentColor"},
                         {"stroke-opacity", kFaint}});
    svg.text(x(place), y.begin + kLine - 1, tick_text(place), {{"class", "tick"}, {"fill-opacity", kSoft}});
  }
  svg.text((x.begin + x.end) / 2, y.begin + 2 * kLine, axis.label, {{"class", "label"}});
  svg.close();
}

void draw_y_axis(Svg& svg, const Axis& axis, const Mapping& x, const Mapping& y) {
  const auto about = std::max<int64_t>(2, static_cast<int64_t>((y.begin - y.end) / 45));
  svg.open("g", {{"class", "y-axis"}, {"text-anchor", "end"}});
  for (const double place : ticks(y.low, y.high, axis.logarithmic, about, axis.whole)) {
    svg.element("line", {{"x1", x.begin},
                         {"x2", x.end},
                         {"y1", y(place)},
                         {"y2", y(place)},
                         {"stroke", "currentColor"},
                         {"stroke-opacity", kFaint}});
    svg.text(x.begin - 6, y(place) + 0.35 * kFont, tick_text(place),
             {{"class", "tick"}, {"fill-opacity", kSoft}});
  }
  svg.close();
}

void draw_upright(Svg& svg, double x, double y, const std::string& label) {
  svg.text(0, 0, label,
           {{"class", "label"},
            {"text-anchor", "middle"},
            {"transform", "translate(" + svg_number(x) + " " + svg_number(y) + ") rotate(-90)"}});
}

void draw_scale(Svg& svg, double left, const Mapping& y, double low, double high, ColourMap map,
                const std::string& label) {
  constexpr int64_t kSteps = 128;
  Image bar(1, kSteps, 3);
  for (int64_t i = 0; i < kSteps; ++i) {
    const Colour colour = map_colour(map, 1 - (static_cast<double>(i) + 0.5) / kSteps);
    for (int64_t c = 0; c < 3; ++c) bar.at(0, i, c) = colour[static_cast<size_t>(c)];
  }
  svg.open("g", {{"class", "scale"}});
  svg.image(left, y.end, kScaleWidth, y.begin - y.end, bar);
  const Mapping places{low, high, y.begin, y.end, false};
  const std::vector<double> marks = ticks(low, high, false, 5);
  for (const double place : marks) {
    svg.text(left + kScaleWidth + 4, places(place) + 0.35 * kFont, tick_text(place),
             {{"class", "tick"}, {"fill-opacity", kSoft}});
  }
  draw_upright(svg, left + kScaleWidth + 4 + widest(marks) + 12, (y.begin + y.end) / 2, label);
  svg.close();
}

void draw_entry(Svg& svg, double x, double y, const std::string& name, const std::string& colour, char mark) {
  constexpr double kSwatch = 14;
  if (mark == 'l') {
    svg.element("line", {{"x1", x},
                         {"x2", x + kSwatch},
                         {"y1", y - 4},
                         {"y2", y - 4},
                         {"stroke", colour},
                         {"stroke-width", 2.5}});
  } else if (mark == 'b') {
    svg.element("rect", {{"x", x + 2}, {"y", y - 9}, {"width", 10}, {"height", 10}, {"fill", colour}});
  } else {
    svg.element("circle", {{"cx", x + kSwatch / 2},
                           {"cy", y - 4},
                           {"r", 4},
                           {"fill", mark == 'o' ? "none" : colour},
                           {"stroke", colour},
                           {"stroke-width", 1.5}});
  }
  svg.text(x + kSwatch + 5, y, name);
}

double entry_width(const std::string& name) { return 19 + text_width(name) + 14; }

}  // namespace

double PlaneGrid::x(int64_t column) const {
  return columns < 2
             ? x_low
             : x_low + (x_high - x_low) * static_cast<double>(column) / static_cast<double>(columns - 1);
}

double PlaneGrid::y(int64_t row) const {
  return rows < 2 ? y_low
                  : y_low + (y_high - y_low) * static_cast<double>(row) / static_cast<double>(rows - 1);
}

void Plot::Extent::include(double value) {
  low = std::min(low.value_or(value), value);
  high = std::max(high.value_or(value), value);
}

bool Plot::drawable(double x, double y) const {
  return std::isfinite(x) && std::isfinite(y) && (x > 0 || !style_.x.logarithmic) &&
         (y > 0 || !style_.y.logarithmic);
}

void Plot::include(std::span<const double> x, std::span<const double> y) {
  for (size_t i = 0; i < x.size(); ++i) {
    if (!drawable(x[i], y[i])) continue;
    x_.include(x[i]);
    y_.include(y[i]);
  }
}

std::string Plot::next_colour(const std::string& name, char mark) {
  const std::string colour = hex(class_colour(series_++));
  if (!name.empty()) legend_.push_back({name, colour, mark});
  return colour;
}

// Entries of the legend in lines of this width: where each begins.
std::vector<Plot::Place> Plot::legend_places(double width) const {
  std::vector<Place> places;
  Place at{0, 0};
  for (const Entry& entry : legend_) {
    if (at.x > 0 && at.x + entry_width(entry.name) > width) at = {0, at.y + kLine};
    places.push_back(at);
    at.x += entry_width(entry.name);
  }
  return places;
}

Plot::Layout Plot::layout() const {
  const Limits lx = limits_of(style_.x, x_.low, x_.high, tight_, false);
  const Limits ly = limits_of(style_.y, y_.low, y_.high, tight_, from_zero_);
  const double label_room = style_.y.label.empty() ? 0 : kLine;
  const double left =
      label_room + widest(ticks(ly.low, ly.high, style_.y.logarithmic, 6, style_.y.whole)) + 12;
  const double right =
      scale_ ? 12 + kScaleWidth + 4 + widest(ticks(scale_->low, scale_->high, false, 5)) + 18 : 14;
  const double bottom = kLine + (style_.x.label.empty() ? 6 : kLine + 6);
  Layout layout;
  double width = style_.width - left - right;
  layout.legend = legend_places(width);
  layout.legend_top = (style_.title.empty() ? 10 : 30) + 4;
  double top = layout.legend_top - 4;
  if (!layout.legend.empty()) top += layout.legend.back().y + kLine + 4;
  double height = style_.height - top - bottom;
  if (style_.equal) {
    const double unit = std::min(width / (lx.high - lx.low), height / (ly.high - ly.low));
    width = unit * (lx.high - lx.low);
    height = unit * (ly.high - ly.low);
  }
  layout.x = {lx.low, lx.high, left, left + width, style_.x.logarithmic};
  layout.y = {ly.low, ly.high, top + height, top, style_.y.logarithmic};
  layout.height = top + height + bottom;
  return layout;
}

void Plot::draw_frame(Svg& svg, const Layout& layout) const {
  const auto& [x, y] = std::tie(layout.x, layout.y);
  if (!style_.title.empty()) {
    svg.text(x.begin, kLine, style_.title, {{"class", "title"}, {"font-size", "13"}, {"font-weight", "600"}});
  }
  svg.open("g", {{"class", "legend"}});
  for (size_t i = 0; i < legend_.size(); ++i) {
    draw_entry(svg, x.begin + layout.legend[i].x, layout.legend_top + 6 + layout.legend[i].y, legend_[i].name,
               legend_[i].colour, legend_[i].mark);
  }
  svg.close();
  draw_x_axis(svg, style_.x, x, y);
  draw_y_axis(svg, style_.y, x, y);
  if (!style_.y.label.empty()) draw_upright(svg, kLine - 3, (y.begin + y.end) / 2, style_.y.label);
  if (scale_) draw_scale(svg, x.end + 12, y, scale_->low, scale_->high, scale_->map, scale_->label);
}

std::string Plot::svg() const {
  const Layout layout = this->layout();
  const auto& [x, y] = std::tie(layout.x, layout.y);
  Svg svg(style_.width, layout.height, style_.title);
  draw_frame(svg, layout);
  // An element that cuts off what lies outside; its coordinates are those around it.
  const std::string corner = svg_number(x.begin) + " " + svg_number(y.end);
  const double width = x.end - x.begin;
  const double height = y.begin - y.end;
  svg.open("svg", {{"class", "area"},
                   {"x", x.begin},
                   {"y", y.end},
                   {"width", width},
                   {"height", height},
                   {"viewBox", corner + " " + svg_number(width) + " " + svg_number(height)}});
  const Canvas canvas{svg, x, y, scale_.has_value()};
  for (const Layer& layer : layers_) layer(canvas);
  svg.close();
  svg.element("path", {{"class", "frame"},
                       {"d", "M" + corner + "V" + svg_number(y.begin) + "H" + svg_number(x.end)},
                       {"fill", "none"},
                       {"stroke", "currentColor"},
                       {"stroke-opacity", "0.5"}});
  return svg.finish();
}

}  // namespace lockstep::analysis
