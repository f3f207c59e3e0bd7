// A small writer of SVG: elements, attributes and text, escaped, with numbers that are the same everywhere.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/analysis/image.h"

namespace lockstep::analysis {

// Text as it stands in XML and HTML, in content or in an attribute: < > & and quotes escaped; what XML has no
// character for, and bytes that are no UTF-8, become U+FFFD.
std::string escape_markup(std::string_view text);

// A coordinate: two digits behind the point, without needless zeros; "0" for what is not finite.
std::string svg_number(double value);

struct Attribute {
  Attribute(std::string_view n, double v) : name(n), value(svg_number(v)) {}
  Attribute(std::string_view n, std::string_view v) : name(n), value(v) {}

  std::string_view name;
  std::string value;
};
using Attributes = std::initializer_list<Attribute>;

// Draws in its own coordinates, y down, one unit a pixel where nothing scales it. Text and lines take the
// colour of what stands around (currentColor): dark on light ground, light on dark.
class Svg {
 public:
  // `title` is what a reader hears who does not see the drawing.
  Svg(double width, double height, std::string_view title);

  void open(std::string_view element, Attributes attributes = {});
  void close();
  void element(std::string_view element, Attributes attributes);
  void text(double x, double y, std::string_view content, Attributes attributes = {});
  void image(double x, double y, double width, double height, const Image& image);
  // Another drawing, with its left upper corner there.
  void drawing(double x, double y, const std::string& svg);

  // The whole; what is open is closed. A file, or an element of an HTML page.
  std::string finish();

 private:
  void begin(std::string_view element, Attributes attributes);
  void add(Attributes attributes);

  std::string out_;
  std::vector<std::string> open_;
};

// Drawings beside each other, or one above the other after so many columns, as one.
std::string side_by_side(const std::vector<std::string>& drawings, std::string_view title, int64_t columns);

}  // namespace lockstep::analysis
