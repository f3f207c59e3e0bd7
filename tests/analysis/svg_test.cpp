#include "lockstep/analysis/svg.h"

#include <gtest/gtest.h>

#include <cmath>

#include "markup.h"

namespace lockstep::analysis {
namespace {

using test::Markup;

TEST(Escape, WhatMarkupTakesForItself) {
  EXPECT_EQ(escape_markup("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escape_markup("line\n\ttab \xc3\xa4 \xf0\x9f\x98\x80"), "line\n\ttab \xc3\xa4 \xf0\x9f\x98\x80");
}

TEST(Escape, WhatXmlHasNoCharacterFor) {
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_markup(std::string("a\0b", 3)), "a" + replaced + "b");
  EXPECT_EQ(escape_markup("\x01\x1b\x1f"), replaced + replaced + replaced);
  EXPECT_EQ(escape_markup("\xff\xc3"), replaced + replaced);                         // no UTF-8
  EXPECT_EQ(escape_markup("\xEF\xBF\xBE|\xEF\xBF\xBF"), replaced + "|" + replaced);  // U+FFFE, U+FFFF
}

TEST(SvgNumber, HasTwoDigitsBehindThePointAtMost) {
  EXPECT_EQ(svg_number(0), "0");
  EXPECT_EQ(svg_number(-0.001), "0");
  EXPECT_EQ(svg_number(12), "12");
  EXPECT_EQ(svg_number(100), "100");
  EXPECT_EQ(svg_number(-1.5), "-1.5");
  EXPECT_EQ(svg_number(1.0 / 3), "0.33");
  EXPECT_EQ(svg_number(1e9), "1000000000");
  EXPECT_EQ(svg_number(NAN), "0");
  EXPECT_EQ(svg_number(INFINITY), "0");
}

TEST(Svg, ClosesAndEscapes) {
  Svg svg(120, 80.5, "a <title>");
  svg.open("g", {{"class", "\"quoted\""}});
  svg.element("line", {{"x1", 1.0}, {"y2", 2.25}});
  svg.text(3, 4, "5 < 6 & 7", {{"fill", "red"}});
  const std::string file = svg.finish();
  const Markup markup(file);
  EXPECT_EQ(markup.elements[0]["width"], "120");
  EXPECT_EQ(markup.elements[0]["viewBox"], "0 0 120 80.5");
  EXPECT_EQ(markup.one("title").text, "a &lt;title&gt;");
  EXPECT_EQ(markup.one("g")["class"], "&quot;quoted&quot;");
  EXPECT_EQ(markup.one("line", "&quot;quoted&quot;")["y2"], "2.25");
  EXPECT_EQ(markup.one("text").text, "5 &lt; 6 &amp; 7");
  EXPECT_EQ(markup.one("text")["fill"], "red");
}

TEST(Svg, HoldsImagesInItself) {
  Svg svg(10, 10, "");
  const Image image(2, 2, 1, 200);
  svg.image(1, 2, 3, 4, image);
  const auto found = Markup(svg.finish()).one("image");
  EXPECT_EQ(found["href"], data_uri(image));
  EXPECT_EQ(found["width"], "3");
}

TEST(Svg, DrawingsLieBesideEachOther) {
  const auto drawing = [](double width, double height, const char* title) {
    return Svg(width, height, title).finish();
  };
  const Markup markup(
      side_by_side({drawing(100, 50, "a"), drawing(80, 70, "b"), drawing(60, 20, "c")}, "all", 2));
  EXPECT_EQ(markup.elements[0]["width"], "200");
  EXPECT_EQ(markup.elements[0]["height"], "90");
  EXPECT_EQ(width_of(drawing(100.5, 50, "a")), 100.5);
  const auto groups = markup.all("g");
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[1]["transform"], "translate(100 0)");
  EXPECT_EQ(groups[2]["transform"], "translate(0 70)");
  EXPECT_EQ(markup.all("svg").size(), 4u);
}

}  // namespace
}  // namespace lockstep::analysis
