// The ten digits as people write them: strokes through a few points, in several variants a digit.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep::data {

// x to the right and y down, 0..100 over the height of a digit; 50, 50 is the middle.
struct GlyphPoint {
  int8_t x = 0;
  int8_t y = 0;
  bool operator==(const GlyphPoint&) const = default;
};

// A smooth curve through the points in this order. A point given twice is a corner.
using GlyphStroke = std::vector<GlyphPoint>;
using Glyph = std::vector<GlyphStroke>;

// The variants of a digit 0..9; at least two each.
const std::vector<Glyph>& glyphs_of_digit(int digit);

}  // namespace lockstep::data
