// The table of layers in small, on which gradients are checked.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "lockstep/core/shape.h"

namespace lockstep::nn {

// What a layer's inputs have to keep away from for its derivative to exist.
enum class Inputs {
  kAnything,
  kAwayFromZero,  // where it has a kink at zero
  kDistant,       // where it picks the largest of several
  kUnit,          // between 0 and 1
};

struct LayerCase {
  std::string line;  // of a configuration; its first word is the layer's type
  std::vector<Shape> inputs;
  Inputs values = Inputs::kAnything;
  float step = 0.01f;  // of the difference quotient; larger where the layer is linear in everything it has
  std::vector<std::string> above = {};  // the lines that it reads, where it asks about them; of one vector
};

inline std::ostream& operator<<(std::ostream& stream, const LayerCase& c) { return stream << c.line; }

// A layer of layer_table() without a case here fails the tests.
const std::vector<LayerCase>& layer_cases();

}  // namespace lockstep::nn
