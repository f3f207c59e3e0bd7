#include "lockstep/analysis/colours.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace lockstep::analysis {

namespace {

// At equal distances from 0 to 1.
constexpr Colour kSequential[] = {{68, 1, 84},    {72, 40, 120},  {62, 74, 137},  {49, 104, 142},
                                  {38, 130, 142}, {31, 158, 137}, {53, 183, 121}, {110, 206, 88},
                                  {181, 222, 43}, {253, 231, 37}};
constexpr Colour kDiverging[] = {{33, 82, 156},   {74, 138, 199}, {152, 199, 228}, {244, 245, 246},
                                 {246, 178, 146}, {217, 96, 77},  {165, 20, 42}};
constexpr Colour kAmount[] = {
    {247, 250, 253}, {198, 219, 239}, {130, 178, 218}, {66, 128, 190}, {14, 72, 143}};

constexpr Colour kClasses[] = {{59, 130, 214},  {226, 122, 36}, {44, 160, 110},  {214, 69, 80},
                               {148, 103, 208}, {165, 116, 84}, {219, 108, 182}, {132, 140, 150},
                               {172, 164, 40},  {32, 168, 188}};

std::span<const Colour> anchors_of(ColourMap map) {
  if (map == ColourMap::kSequential) return kSequential;
  if (map == ColourMap::kDiverging) return kDiverging;
  return kAmount;
}

}  // namespace

std::string hex(const Colour& colour) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string result = "#";
  for (const uint8_t part : colour) {
    result += kDigits[part >> 4];
    result += kDigits[part & 15];
  }
  return result;
}

Colour class_colour(int64_t index) { return kClasses[static_cast<size_t>(index) % std::size(kClasses)]; }

Colour map_colour(ColourMap map, double place) {
  const std::span<const Colour> anchors = anchors_of(map);
  const double at = (place > 0 ? std::min(place, 1.0) : 0.0) * static_cast<double>(anchors.size() - 1);
  const size_t below = std::min(static_cast<size_t>(at), anchors.size() - 2);
  const double part = at - static_cast<double>(below);
  Colour colour;
  for (size_t c = 0; c < 3; ++c) {
    colour[c] =
        static_cast<uint8_t>(std::lround(anchors[below][c] * (1 - part) + anchors[below + 1][c] * part));
  }
  return colour;
}

}  // namespace lockstep::analysis
