// White sets of pixels, convex or not.
#pragma once

#include "generators.h"

namespace lockstep::data {

// How a convex set comes about: by intersecting half-planes.
struct ConvexRecipe {
  int64_t fewest_halfplanes;  // their number is this and a geometric one: each more has the odds 1 - stop
  double stop;
  int64_t fewest_pixels;  // a smaller set is drawn again
};

// A half-plane's border goes through a point that is uniform over the picture, in a uniform direction. White
// is 255, black 0.
Picture draw_convex(const ConvexRecipe& recipe, RandomStream& random);

// Whether for every two white pixels all those are white whose middle lies on the line between theirs: no
// black pixel lies between two white ones. Sets of draw_convex() pass. (Larochelle et al. 2007: "a convexity
// condition for every pair of pixels".)
bool passes_convexity_test(const Picture& picture);

}  // namespace lockstep::data
