// Colours for drawings, chosen to read on light and on dark ground.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace lockstep::analysis {

using Colour = std::array<uint8_t, 3>;

std::string hex(const Colour& colour);  // "#3b82c4"

// Of a series or a class; they repeat after ten.
Colour class_colour(int64_t index);

enum class ColourMap {
  kSequential,  // dark blue over green to yellow (after viridis, van der Walt and Smith 2015): an amount
  kDiverging,   // blue over white to red: a sign
  kAmount,      // white to blue: counts, where nothing is white
};

// `place` from 0 to 1; what lies outside is cut off.
Colour map_colour(ColourMap map, double place);

}  // namespace lockstep::analysis
