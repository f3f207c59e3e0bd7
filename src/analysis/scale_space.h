// Private to src/analysis: a picture at growing blur, and the differences between neighbouring blurs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep::analysis {

constexpr int kScalesPerOctave = 3;
constexpr double kFirstSigma = 1.6;  // of the doubled picture's pixels

// Differences of Gaussians of a doubled picture, one plane a scale.
class ScaleSpace {
 public:
  ScaleSpace(const float* picture, int64_t height, int64_t width);

  int64_t height() const { return height_; }  // of the doubled picture
  int64_t width() const { return width_; }
  int scales() const { return static_cast<int>(planes_.size()); }
  // Blur at i + 1 less blur at i, where blur i has sigma 1.6 2^(i / 3) and i need not be whole for sigma().
  float at(int scale, int64_t y, int64_t x) const {
    return planes_[static_cast<size_t>(scale)][static_cast<size_t>(y * width_ + x)];
  }
  static double sigma(double scale);

 private:
  int64_t height_;
  int64_t width_;
  std::vector<std::vector<float>> planes_;
};

}  // namespace lockstep::analysis
