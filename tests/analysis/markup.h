// Looking into drawings: a small reader of XML, strict about what it knows.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace lockstep::test {

struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // directly inside
  int parent = -1;

  std::string operator[](const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? "" : found->second;
  }
  double number(const std::string& key) const { return std::stod((*this)[key]); }
};

// All elements in the order in which they begin; fails the test where tags do not match or text is not
// escaped.
class Markup {
 public:
  explicit Markup(const std::string& xml) {
    std::vector<int> open;
    for (size_t at = 0; at < xml.size();) {
      const size_t tag = xml.find('<', at);
      const std::string text = xml.substr(at, tag - at);
      if (!open.empty()) elements[static_cast<size_t>(open.back())].text += text;
      expect_escaped(text);
      if (tag == std::string::npos) break;
      const size_t end = xml.find('>', tag);
      if (end == std::string::npos) {
        ADD_FAILURE() << "a tag without an end: " << xml.substr(tag, 40);
        return;
      }
      std::string inside = xml.substr(tag + 1, end - tag - 1);
      at = end + 1;
      if (inside[0] == '/') {
        if (open.empty() || elements[static_cast<size_t>(open.back())].name != inside.substr(1)) {
          ADD_FAILURE() << "</" << inside.substr(1) << "> closes nothing";
          return;
        }
        open.pop_back();
        continue;
      }
      const bool whole = inside.back() == '/';
      if (whole) inside.pop_back();
      add(inside, open.empty() ? -1 : open.back());
      if (!whole) open.push_back(static_cast<int>(elements.size()) - 1);
    }
    EXPECT_TRUE(open.empty()) << "not closed";
  }

  // Of this name and, where given, inside (at any depth) an element of this class.
  std::vector<Element> all(const std::string& name, const std::string& inside = "") const {
    std::vector<Element> found;
    for (const Element& element : elements) {
      if (element.name == name && (inside.empty() || is_inside(element, inside))) found.push_back(element);
    }
    return found;
  }
  Element one(const std::string& name, const std::string& inside = "") const {
    const auto found = all(name, inside);
    EXPECT_EQ(found.size(), 1u) << name << " in " << inside;
    return found.empty() ? Element{} : found[0];
  }
  Element of_class(const std::string& name) const {
    for (const Element& element : elements) {
      if (element["class"] == name) return element;
    }
    ADD_FAILURE() << "nothing of class " << name;
    return {};
  }

  std::vector<Element> elements;

 private:
  static void expect_escaped(const std::string& text) {
    for (size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
      const std::string entity = text.substr(at, text.find(';', at) - at);
      EXPECT_TRUE(entity == "&lt" || entity == "&gt" || entity == "&amp" || entity == "&quot" ||
                  entity == "&#39")
          << entity;
    }
  }

  void add(const std::string& inside, int parent) {
    Element element;
    element.parent = parent;
    size_t at = inside.find_first_of(" \n");
    element.name = inside.substr(0, at);
    while (at != std::string::npos && (at = inside.find_first_not_of(" \n", at)) != std::string::npos) {
      const size_t equals = inside.find("=\"", at);
      const size_t end = equals == std::string::npos ? equals : inside.find('"', equals + 2);
      if (end == std::string::npos) {
        ADD_FAILURE() << "not an attribute: " << inside.substr(at);
        return;
      }
      const std::string value = inside.substr(equals + 2, end - equals - 2);
      expect_escaped(value);
      EXPECT_TRUE(element.attributes.emplace(inside.substr(at, equals - at), value).second)
          << "twice: " << inside;
      at = end + 1;
    }
    elements.push_back(element);
  }

  bool is_inside(const Element& element, const std::string& name) const {
    for (int p = element.parent; p >= 0; p = elements[static_cast<size_t>(p)].parent) {
      if (elements[static_cast<size_t>(p)]["class"] == name) return true;
    }
    return false;
  }
};

// The numbers of a path, letters left out.
inline std::vector<double> path_numbers(std::string path) {
  for (char& c : path) {
    if (c == 'M' || c == 'L' || c == 'H' || c == 'V') c = ' ';
  }
  std::istringstream stream(path);
  std::vector<double> numbers;
  for (double value = 0; stream >> value;) numbers.push_back(value);
  return numbers;
}

}  // namespace lockstep::test
