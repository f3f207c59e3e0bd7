#include "lockstep/analysis/plot.h"

#include <gtest/gtest.h>

#include <cmath>

#include "markup.h"
#include "support/expect.h"

namespace lockstep::analysis {
namespace {

using test::Element;
using test::Markup;
using test::path_numbers;
using Numbers = std::vector<double>;

// A plot whose axes run from 0 to 10 and from 0 to 100, whatever is drawn.
PlotStyle fixed_axes() {
  return {
      .title = "T", .x = {.label = "x", .low = 0, .high = 10}, .y = {.label = "y", .low = 0, .high = 100}};
}

// Where a value has to be by the plot's area.
struct Area {
  explicit Area(const Markup& markup) : area(markup.of_class("area")) {}
  double x(double value) const { return area.number("x") + area.number("width") * value / 10; }
  double y(double value) const { return area.number("y") + area.number("height") * (1 - value / 100); }
  Element area;
};

constexpr double kRounding = 0.011;  // of coordinates, in the file and of the area

void expect_places(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], kRounding) << i;
}

TEST(Plot, AxesLegendAndTitle) {
  Plot plot(fixed_axes());
  plot.line("first", Numbers{0, 1}, Numbers{0, 1});
  plot.line("", Numbers{0, 1}, Numbers{0, 1});
  plot.line("second & last", Numbers{0, 1}, Numbers{0, 1});
  const Markup markup(plot.svg());
  const Area area(markup);
  const auto words = markup.all("text", "legend");
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].text, "first");
  EXPECT_EQ(words[1].text, "second &amp; last");
  std::vector<std::string> ticks;
  for (const Element& text : markup.all("text", "x-axis")) {
    if (text["class"] != "tick") continue;
    ticks.push_back(text.text);
    EXPECT_NEAR(text.number("x"), area.x(std::stod(text.text)), kRounding);
  }
  EXPECT_EQ(ticks, (std::vector<std::string>{"0", "2", "4", "6", "8", "10"}));
  for (const Element& text : markup.all("text", "y-axis")) {
    EXPECT_NEAR(text.number("y") - 0.35 * 11, area.y(std::stod(text.text)), kRounding);
  }
  EXPECT_EQ(markup.of_class("title").text, "T");
}

TEST(Plot, LinesGoThroughTheirPointsAndBreakWhereThereIsNone) {
  Plot plot(fixed_axes());
  plot.line("a", Numbers{0, 2, 3, 4, 10}, Numbers{0, 50, NAN, 20, 100}, true);
  const Markup markup(plot.svg());
  const Area area(markup);
  const std::string path = markup.one("path", "line")["d"];
  EXPECT_EQ(std::count(path.begin(), path.end(), 'M'), 2);
  expect_places(path_numbers(path), {area.x(0), area.y(0), area.x(2), area.y(50), area.x(4), area.y(20),
                                     area.x(10), area.y(100)});
  EXPECT_EQ(markup.all("circle", "line").size(), 4u);
}

TEST(Plot, LogarithmicAxes) {
  PlotStyle style = fixed_axes();
  style.y = {.logarithmic = true, .low = 0.01, .high = 100};
  Plot plot(style);
  plot.line("", Numbers{0, 1, 2, 3}, Numbers{0.01, 1, 0, 10});
  const Markup markup(plot.svg());
  const Area area(markup);
  const std::string path = markup.one("path", "line")["d"];
  expect_places(path_numbers(path), {area.x(0), area.y(0), area.x(1), area.y(50), area.x(3), area.y(75)});
}

TEST(Plot, AxesHoldWhatIsDrawn) {
  Plot plot({.title = "", .x = {}, .y = {}});
  plot.points(Numbers{-3, 7}, Numbers{1e-3, 2e-3});
  const Markup markup(plot.svg());
  const Element area = markup.of_class("area");
  for (const Element& circle : markup.all("circle", "points")) {
    EXPECT_GT(circle.number("cx"), area.number("x"));
    EXPECT_LT(circle.number("cx"), area.number("x") + area.number("width"));
    EXPECT_GT(circle.number("cy"), area.number("y"));
    EXPECT_LT(circle.number("cy"), area.number("y") + area.number("height"));
  }
  Markup(Plot({.title = "empty", .x = {.logarithmic = true}, .y = {}}).svg());
}

TEST(Plot, BarsStandOnZero) {
  Plot plot(fixed_axes());
  plot.bars("", {0, 10, {10, 0, 40, 100, 5}});
  const Markup markup(plot.svg());
  const Area area(markup);
  const auto bars = markup.all("rect", "bars");
  ASSERT_EQ(bars.size(), 4u);
  EXPECT_NEAR(bars[1].number("x"), area.x(4), kRounding);
  EXPECT_NEAR(bars[1].number("y"), area.y(40), kRounding);
  EXPECT_NEAR(bars[1].number("y") + bars[1].number("height"), area.y(0), 2 * kRounding);
  EXPECT_NEAR(bars[1].number("width"), area.x(6) - area.x(4) - 1, 2 * kRounding);
}

TEST(Plot, PointsHaveTheColoursOfTheirClasses) {
  Plot plot(fixed_axes());
  const std::vector<int32_t> classes = {2, 0, 2, 11};
  plot.points(Numbers{1, 2, 3, NAN}, Numbers{10, 20, 30, 40}, classes, {"zero", "one", "two"});
  const Markup markup(plot.svg());
  const Area area(markup);
  const auto two = markup.all("circle", "class-2");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_NEAR(two[1].number("cx"), area.x(3), kRounding);
  EXPECT_NEAR(two[1].number("cy"), area.y(30), kRounding);
  EXPECT_EQ(markup.of_class("class-2")["fill"], hex(class_colour(2)));
  EXPECT_EQ(markup.all("circle", "points").size(), 3u);
  const auto words = markup.all("text", "legend");
  ASSERT_EQ(words.size(), 2u);  // of the classes that occur
  EXPECT_EQ(words[0].text, "zero");
  EXPECT_EQ(words[1].text, "two");
}

TEST(Plot, EqualScalesHaveUnitsOfOneLength) {
  for (const auto& [w, h] : {std::pair{4.0, 1.0}, std::pair{1.0, 9.0}}) {
    Plot plot({.title = "", .x = {.low = 0, .high = w}, .y = {.low = -h, .high = 0}, .equal = true});
    const Element area = Markup(plot.svg()).of_class("area");
    EXPECT_NEAR(area.number("width") / w, area.number("height") / h, kRounding);
  }
}

TEST(Plot, CanBeCopiedAndDrawnTwice) {
  Plot plot(fixed_axes());
  plot.line("a", Numbers{0, 1}, Numbers{0, 1});
  const std::string first = plot.svg();
  const Plot copy = plot;
  plot = Plot(fixed_axes());
  EXPECT_EQ(copy.svg(), first);
}

TEST(Plot, RefusesListsOfOtherLengths) {
  Plot plot(fixed_axes());
  test::expect_error([&] { plot.line("", Numbers{1}, Numbers{1, 2}); }, {"1 x", "2 y"});
  test::expect_error([&] { plot.arrows({{1}, {1}, {}, {1}}); }, {"vector field"});
  test::expect_error(
      [&] {
        plot.heat_map({2, 2, 0, 1, 0, 1, {1, 2, 3}}, ColourMap::kAmount, "");
      },
      {"2x2", "3 values"});
}

PlaneGrid cone(int64_t side) {
  PlaneGrid grid{side, side, 0, 10, 0, 100, {}};
  for (int64_t r = 0; r < side; ++r) {
    for (int64_t c = 0; c < side; ++c)
      grid.values.push_back(std::hypot(grid.x(c) - 5, (grid.y(r) - 50) / 10));
  }
  return grid;
}

TEST(PlanePlot, ContoursLieWhereTheLevelIs) {
  Plot plot(fixed_axes());
  plot.contours(cone(41), Numbers{3, 100});
  const Markup markup(plot.svg());
  const Area area(markup);
  // The second level is nowhere.
  const Numbers places = path_numbers(markup.one("path", "contours")["d"]);
  ASSERT_GT(places.size(), 100u);
  const double unit_x = area.x(1) - area.x(0);
  const double unit_y = area.y(0) - area.y(10);
  for (size_t i = 0; i < places.size(); i += 2) {
    const double x = (places[i] - area.x(5)) / unit_x;
    const double y = (places[i + 1] - area.y(50)) / unit_y;
    EXPECT_NEAR(std::hypot(x, y), 3, 0.01);
  }
}

// Every end of a segment is the end of another: contours are closed.
TEST(PlanePlot, ContoursAreClosed) {
  Plot plot(fixed_axes());
  plot.contours(cone(12), Numbers{3});
  std::map<std::pair<double, double>, int> ends;
  const Numbers places = path_numbers(Markup(plot.svg()).one("path", "contours")["d"]);
  for (size_t i = 0; i < places.size(); i += 2) ++ends[{places[i], places[i + 1]}];
  for (const auto& [place, count] : ends) EXPECT_EQ(count, 2) << place.first << ", " << place.second;
}

TEST(PlanePlot, SaddlesAreCutByTheirMiddle) {
  const auto segments = [](Numbers corners) {
    Plot plot(fixed_axes());
    plot.contours({2, 2, 0, 10, 0, 100, std::move(corners)}, Numbers{0.5});
    const Markup markup(plot.svg());
    const Area area(markup);
    Numbers relative;
    const Numbers places = path_numbers(markup.one("path", "contours")["d"]);
    for (size_t i = 0; i < places.size(); i += 2) {
      relative.push_back(std::round((places[i] - area.x(0)) / (area.x(10) - area.x(0)) * 100) / 100);
      relative.push_back(std::round((area.y(0) - places[i + 1]) / (area.y(0) - area.y(100)) * 100) / 100);
    }
    return relative;
  };
  // 2 at the lower left and upper right, 0 at the others: the high corners are joined.
  EXPECT_EQ(segments({2, 0, 0, 2}), (Numbers{0.75, 0, 1, 0.25, 0.25, 1, 0, 0.75}));
  // 0.75 there: the mean is below the level, so the low corners are joined.
  EXPECT_EQ(segments({0.75, 0, 0, 0.75}), (Numbers{0, 0.33, 0.33, 0, 1, 0.67, 0.67, 1}));
}

TEST(PlanePlot, HeatMapsColourCellsAroundTheirPlaces) {
  PlotStyle style = fixed_axes();
  Plot plot(style);
  const PlaneGrid grid{3, 2, 2, 6, 25, 75, {0, 1, 2, 3, 4, NAN}};
  plot.heat_map(grid, ColourMap::kSequential, "how much");
  const Markup markup(plot.svg());
  const Area area(markup);
  const Element image = markup.one("image", "heat-map");
  EXPECT_NEAR(image.number("x"), area.x(1), kRounding);
  EXPECT_NEAR(image.number("x") + image.number("width"), area.x(7), 2 * kRounding);
  EXPECT_NEAR(image.number("y"), area.y(100), kRounding);
  EXPECT_NEAR(image.number("height"), area.y(0) - area.y(100), kRounding);
  Image expected(3, 2, 3, 128);
  for (int64_t i = 0; i < 5; ++i) {
    const Colour colour = map_colour(ColourMap::kSequential, static_cast<double>(i) / 4);
    for (int64_t c = 0; c < 3; ++c) expected.at(i % 3, 1 - i / 3, c) = colour[static_cast<size_t>(c)];
  }
  EXPECT_EQ(image["href"], data_uri(expected));
  std::vector<std::string> labels;
  for (const Element& text : markup.all("text", "scale")) labels.push_back(text.text);
  EXPECT_EQ(labels, (std::vector<std::string>{"0", "1", "2", "3", "4", "how much"}));
}

TEST(PlanePlot, DivergingColoursAreCentredOnZero) {
  Plot plot(fixed_axes());
  plot.heat_map({2, 2, 0, 1, 0, 1, {-1, 0, 4, 4}}, ColourMap::kDiverging, "");
  Image expected(2, 2, 3);
  const double places[] = {0.375, 0.5, 1, 1};
  for (int64_t i = 0; i < 4; ++i) {
    const Colour colour = map_colour(ColourMap::kDiverging, places[i]);
    for (int64_t c = 0; c < 3; ++c) expected.at(i % 2, 1 - i / 2, c) = colour[static_cast<size_t>(c)];
  }
  EXPECT_EQ(Markup(plot.svg()).one("image", "heat-map")["href"], data_uri(expected));
}

TEST(PlanePlot, ArrowsPointAlongTheirVectors) {
  Plot plot(fixed_axes());
  plot.arrows({{2, 4, 6, 8}, {20, 20, 20, 20}, {1, 0, -0.5, NAN}, {0, 0, 0.5, 0}}, 2);
  const Markup markup(plot.svg());
  const Area area(markup);
  const auto arrows = markup.all("path", "arrows");
  ASSERT_EQ(arrows.size(), 3u);
  const Numbers first = path_numbers(arrows[0]["d"]);
  expect_places({first[0], first[1], first[2], first[3]}, {area.x(2), area.y(20), area.x(4), area.y(20)});
  const Numbers third = path_numbers(arrows[2]["d"]);
  expect_places({third[0], third[1], third[2], third[3]}, {area.x(6), area.y(20), area.x(5), area.y(21)});
}

TEST(PlanePlot, ArrowsOfAGridDoNotOverlap) {
  VectorField field;
  for (int r = 0; r < 4; ++r) {
    for (int c = 0; c < 4; ++c) {
      field.x.push_back(2 * c);
      field.y.push_back(20 * r);
      field.u.push_back(3 + c);
      field.v.push_back(0);
    }
  }
  Plot plot(fixed_axes());
  plot.arrows(field);
  const Markup markup(plot.svg());
  const Area area(markup);
  const Numbers longest = path_numbers(markup.all("path", "arrows")[3]["d"]);
  EXPECT_NEAR(longest[2] - longest[0], 0.95 * (area.x(2) - area.x(0)), kRounding);
}

TEST(PlanePlot, TrajectoriesBeginHollowAndEndFilled) {
  Plot plot(fixed_axes());
  plot.trajectory("path", Numbers{1, 2, 3}, Numbers{10, 20, 10});
  plot.trajectory("path", Numbers{5, 6}, Numbers{50, 60});
  const Markup markup(plot.svg());
  const Area area(markup);
  EXPECT_EQ(markup.all("text", "legend").size(), 1u);
  const auto circles = markup.all("circle", "trajectory");
  ASSERT_EQ(circles.size(), 4u);
  EXPECT_NEAR(circles[0].number("cx"), area.x(1), kRounding);
  EXPECT_EQ(markup.all("circle", "start").size(), 2u);
  EXPECT_NEAR(circles[3].number("cy"), area.y(60), kRounding);
}

TEST(Colours, EndWhereTheyShould) {
  EXPECT_EQ(hex({0, 171, 255}), "#00abff");
  EXPECT_EQ(map_colour(ColourMap::kSequential, -1), map_colour(ColourMap::kSequential, 0));
  EXPECT_EQ(map_colour(ColourMap::kSequential, 7), map_colour(ColourMap::kSequential, 1));
  EXPECT_EQ(map_colour(ColourMap::kAmount, NAN), map_colour(ColourMap::kAmount, 0));
  EXPECT_EQ(class_colour(13), class_colour(3));
}

}  // namespace
}  // namespace lockstep::analysis
