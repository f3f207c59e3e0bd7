#include "scale_space.h"

#include <algorithm>
#include <cmath>

namespace lockstep::analysis {

namespace {

constexpr double kPresumedSigma = 1.0;  // of the doubled picture: what any picture has been blurred by

using Plane = std::vector<float>;

// Twice as many rows and columns, those between by linear interpolation; beyond the border as at the border.
Plane doubled(const float* picture, int64_t height, int64_t width) {
  Plane result(static_cast<size_t>(4 * height * width));
  for (int64_t y = 0; y < 2 * height; ++y) {
    const float* above = picture + y / 2 * width;
    const float* below = picture + std::min(y / 2 + y % 2, height - 1) * width;
    for (int64_t x = 0; x < 2 * width; ++x) {
      const int64_t left = x / 2;
      const int64_t right = std::min(x / 2 + x % 2, width - 1);
      result[static_cast<size_t>(y * 2 * width + x)] =
          0.25f * (above[left] + above[right] + below[left] + below[right]);
    }
  }
  return result;
}

// Of sum 1, from the centre's left end to its right.
std::vector<float> gaussian(double sigma) {
  const int radius = static_cast<int>(std::ceil(4 * sigma));
  std::vector<double> weights;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    weights.push_back(std::exp(-0.5 * i * i / (sigma * sigma)));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return {weights.begin(), weights.end()};
}

// Row by row; `weights` reaches beyond both ends, where the picture goes on as at its border.
void blur_rows(int64_t height, int64_t width, const std::vector<float>& weights, Plane& plane) {
  const int64_t radius = static_cast<int64_t>(weights.size()) / 2;
  Plane padded(static_cast<size_t>(width + 2 * radius));
  for (int64_t y = 0; y < height; ++y) {
    float* row = plane.data() + y * width;
    std::fill_n(padded.begin(), radius, row[0]);
    std::copy_n(row, width, padded.begin() + radius);
    std::fill_n(padded.begin() + radius + width, radius, row[width - 1]);
    std::fill_n(row, width, 0.0f);
    for (size_t t = 0; t < weights.size(); ++t) {
      for (int64_t x = 0; x < width; ++x) row[x] += weights[t] * padded[static_cast<size_t>(x) + t];
    }
  }
}

Plane blurred_along_columns(int64_t height, int64_t width, const std::vector<float>& weights,
                            const Plane& plane) {
  const int64_t radius = static_cast<int64_t>(weights.size()) / 2;
  Plane result(plane.size());
  for (int64_t y = 0; y < height; ++y) {
    float* row = result.data() + y * width;
    for (int64_t t = -radius; t <= radius; ++t) {
      const float* from = plane.data() + std::clamp<int64_t>(y + t, 0, height - 1) * width;
      const float weight = weights[static_cast<size_t>(t + radius)];
      for (int64_t x = 0; x < width; ++x) row[x] += weight * from[x];
    }
  }
  return result;
}

Plane blurred(int64_t height, int64_t width, double sigma, Plane plane) {
  const std::vector<float> weights = gaussian(sigma);
  blur_rows(height, width, weights, plane);
  return blurred_along_columns(height, width, weights, plane);
}

int octaves_of(int64_t height, int64_t width) {
  int octaves = 1;
  while (8 * kFirstSigma * (int64_t{1} << (octaves + 1)) <= static_cast<double>(std::min(height, width))) {
    ++octaves;
  }
  return octaves;
}

}  // namespace

double ScaleSpace::sigma(double scale) { return kFirstSigma * std::exp2(scale / kScalesPerOctave); }

ScaleSpace::ScaleSpace(const float* picture, int64_t height, int64_t width)
    : height_(2 * height), width_(2 * width) {
  // One scale more at either end of an octave has neighbours, and a difference takes two blurs.
  const int blurs = kScalesPerOctave * octaves_of(height_, width_) + 3;
  double before = kPresumedSigma;
  Plane last;
  Plane next = doubled(picture, height, width);
  for (int i = 0; i < blurs; ++i) {
    next = blurred(height_, width_, std::sqrt(sigma(i) * sigma(i) - before * before), std::move(next));
    before = sigma(i);
    if (i > 0) {
      Plane difference(next.size());
      for (size_t p = 0; p < next.size(); ++p) difference[p] = next[p] - last[p];
      planes_.push_back(std::move(difference));
    }
    last = next;
  }
}

}  // namespace lockstep::analysis
