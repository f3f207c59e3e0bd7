// What is done to a digit, bright on black, to make recognising it harder.
#pragma once

#include "direction.h"
#include "generators.h"

namespace lockstep::data {

// Turned about the middle of the picture, anticlockwise for small positive angles as it is looked at; between
// pixels by bilinear interpolation, black from outside. Exact for quarter turns.
Picture turned(const Picture& digit, Direction turn);

// White ink on a ground: the digit's level is how much of the ground the ink covers.
Picture inked(const Picture& digit, const Picture& ground);

}  // namespace lockstep::data
