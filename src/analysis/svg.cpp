#include "lockstep/analysis/svg.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/core/utf8.h"

namespace lockstep::analysis {

namespace {

// Dark text on light ground and light text on dark, also where the drawing is a file of its own.
constexpr const char* kStyle =
    "svg.drawing{color:#1f2328;color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){svg.drawing{color:#d5dae0}}";

// What XML 1.0 (section 2.2) has no character for, apart from bytes that are no UTF-8.
bool is_xml_character(std::string_view character) {
  if (character.size() == 1) {
    const auto byte = static_cast<unsigned char>(character[0]);
    return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
  }
  return character != "\xEF\xBF\xBE" && character != "\xEF\xBF\xBF";
}

// The width and height that a drawing of ours states of itself.
std::pair<double, double> size_of(const std::string& drawing) {
  const auto number = [&](const std::string& name) {
    const size_t at = drawing.find(" " + name + "=\"");
    if (at == std::string::npos) fail("a drawing without ", name);
    double value = 0;
    const char* begin = drawing.data() + at + name.size() + 3;
    std::from_chars(begin, drawing.data() + drawing.size(), value);
    return value;
  };
  return {number("width"), number("height")};
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    const std::string_view character = text.substr(at, std::max<size_t>(length, 1));
    if (length == 0 || !is_xml_character(character)) {
      result += "\xEF\xBF\xBD";
    } else if (character == "<") {
      result += "&lt;";
    } else if (character == ">") {
      result += "&gt;";
    } else if (character == "&") {
      result += "&amp;";
    } else if (character == "\"") {
      result += "&quot;";
    } else if (character == "'") {
      result += "&#39;";
    } else {
      result += character;
    }
    at += character.size();
  }
  return result;
}

std::string svg_number(double value) {
  if (!std::isfinite(value)) return "0";
  char digits[400];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 2).ptr;
  std::string number(digits, end);
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number == "-0" ? "0" : number;
}

Svg::Svg(double width, double height, std::string_view title) {
  const std::string w = svg_number(width);
  const std::string h = svg_number(height);
  out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"drawing\" role=\"img\" width=\"" + w +
         "\" height=\"" + h + "\" viewBox=\"0 0 " + w + " " + h +
         "\" fill=\"currentColor\" font-family=\"system-ui,-apple-system,'Segoe UI','Helvetica "
         "Neue',Arial,sans-serif\" "
         "font-size=\"11\">\n<title>" +
         escape_markup(title) + "</title>\n<style>" + kStyle + "</style>\n";
  open_.push_back("svg");
}

void Svg::begin(std::string_view element, Attributes attributes) {
  (out_ += '<') += element;
  add(attributes);
}

void Svg::add(Attributes attributes) {
  for (const Attribute& a : attributes) {
    ((out_ += ' ') += a.name) += "=\"" + escape_markup(a.value) + "\"";
  }
}

void Svg::open(std::string_view element, Attributes attributes) {
  begin(element, attributes);
  out_ += ">\n";
  open_.emplace_back(element);
}

void Svg::close() {
  out_ += "</" + open_.back() + ">\n";
  open_.pop_back();
}

void Svg::element(std::string_view element, Attributes attributes) {
  begin(element, attributes);
  out_ += "/>\n";
}

void Svg::text(double x, double y, std::string_view content, Attributes attributes) {
  begin("text", {{"x", x}, {"y", y}});
  add(attributes);
  out_ += ">" + escape_markup(content) + "</text>\n";
}

void Svg::image(double x, double y, double width, double height, const Image& image) {
  element("image", {{"x", x},
                    {"y", y},
                    {"width", width},
                    {"height", height},
                    {"preserveAspectRatio", "none"},
                    {"style", "image-rendering:pixelated"},
                    {"href", data_uri(image)}});
}

void Svg::drawing(double x, double y, const std::string& svg) {
  open("g", {{"transform", "translate(" + svg_number(x) + " " + svg_number(y) + ")"}});
  out_ += svg;
  close();
}

std::string Svg::finish() {
  while (!open_.empty()) close();
  return std::move(out_);
}

std::string side_by_side(const std::vector<std::string>& drawings, std::string_view title, int64_t columns) {
  columns = std::max<int64_t>(columns, 1);
  double cell_width = 0;
  std::vector<double> tops;  // of each row, and the end
  double end = 0;
  for (size_t i = 0; i < drawings.size(); ++i) {
    if (static_cast<int64_t>(i) % columns == 0) tops.push_back(end);
    const auto [width, height] = size_of(drawings[i]);
    cell_width = std::max(cell_width, width);
    end = std::max(end, tops.back() + height);
  }
  const auto across = static_cast<double>(std::min<int64_t>(columns, static_cast<int64_t>(drawings.size())));
  Svg svg(cell_width * across, end, title);
  for (size_t i = 0; i < drawings.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    svg.drawing(cell_width * static_cast<double>(place % columns), tops[static_cast<size_t>(place / columns)],
                drawings[i]);
  }
  return svg.finish();
}

}  // namespace lockstep::analysis
