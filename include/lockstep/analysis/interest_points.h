// Interest points: extrema over space and scale of differences of Gaussians (Lowe 2004, "Distinctive image
// features from scale-invariant keypoints", sections 3 and 4).
//
// As there: the picture, taken to have a blur of 0.5 pixels, is doubled by linear interpolation; Gaussian
// blurs of 1.6 2^(i/3) of the doubled picture's pixels are subtracted from their neighbours in scale; a place
// is a candidate where its difference is above, or below, its 26 neighbours; its position and scale are
// refined by a quadratic fit; it is left out where the fitted difference is below `threshold`, or where the
// ratio of principal curvatures is above 10, as on edges. Other than there, coarser scales are not sampled
// more coarsely: pictures here are small, and so points move with the picture to the bit, whatever the shift,
// as long as its border is far.
#pragma once

#include <cstdint>
#include <vector>

#include "lockstep/core/shape.h"

namespace lockstep::analysis {

struct InterestPoint {
  float x, y;      // in pixels of the picture; the centre of the first pixel is 0, 0
  float scale;     // the Gaussian's sigma, in pixels; of a blob exp(-r^2 / (2 s^2)) it is about s
  float strength;  // the fitted difference: above 0 for dark blobs on light ground, below 0 for light ones
};

// Of a grey picture with values from 0 to 1 (or any range: `threshold` is in the same units). The strongest
// first; among equals the upper, then the left, then the finer. Octaves: as many as keep sigma below an
// eighth of the shorter side, at least one. Thread safe.
std::vector<InterestPoint> interest_points(const float* picture, int64_t height, int64_t width,
                                           float threshold = 0.03f);

// Channels to grey: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) of three, else their mean.
std::vector<float> grey_of(const float* picture, const Shape& shape);

}  // namespace lockstep::analysis
