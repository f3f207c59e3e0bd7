// A small picture on which soft round pens draw straight lines; whole numbers only, so the same bits
// everywhere.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lockstep::data {

// Positions and lengths count 1/64 pixel; the middle of pixel (0, 0) is at (32, 32).
inline constexpr int kSubpixels = 64;

struct CanvasPoint {
  int32_t x = 0;
  int32_t y = 0;
};

// Full ink up to `inner` from the middle of the line, none from `outer` on (0 <= inner < outer).
struct Pen {
  int32_t inner = 0;
  int32_t outer = 0;
};

class StrokeCanvas {
 public:
  static constexpr int kSize = 28;

  // Where lines meet, the darker ink stays. Points may lie up to one picture's size outside the picture.
  void line(CanvasPoint from, CanvasPoint to, Pen pen);

  uint8_t ink(int row, int column) const {
    return static_cast<uint8_t>(ink_[static_cast<size_t>(row * kSize + column)]);
  }

 private:
  std::array<int32_t, size_t{kSize} * kSize> ink_{};  // 0 none .. 255 full
};

inline void StrokeCanvas::line(CanvasPoint from, CanvasPoint to, Pen pen) {
  const int32_t dx = to.x - from.x;
  const int32_t dy = to.y - from.y;
  // With `reach` no more than the squared length, reach * inverse stays below 2^30.
  const int32_t length2 = std::max(dx * dx + dy * dy, 1);
  const int32_t inverse = (int32_t{1} << 30) / length2;
  const int32_t outer2 = pen.outer * pen.outer;
  // Ink falls linearly in the squared distance, which is near enough to linear over one pixel and needs no
  // root.
  const int32_t slope = (255 << 12) / (outer2 - pen.inner * pen.inner);

  const auto first = [&](int32_t low) { return std::max((low - pen.outer) / kSubpixels - 1, 0); };
  const auto last = [&](int32_t high) { return std::min((high + pen.outer) / kSubpixels, kSize - 1); };
  const int32_t left = first(std::min(from.x, to.x));
  const int32_t right = last(std::max(from.x, to.x));
  for (int32_t row = first(std::min(from.y, to.y)); row <= last(std::max(from.y, to.y)); ++row) {
    int32_t* const ink = ink_.data() + row * kSize;
    const int32_t y = row * kSubpixels + kSubpixels / 2 - from.y;
    for (int32_t column = left; column <= right; ++column) {
      const int32_t x = column * kSubpixels + kSubpixels / 2 - from.x;
      const int32_t reach = std::clamp(x * dx + y * dy, 0, length2);
      const int32_t along = (reach * inverse) >> 18;  // of the line, in 1/4096
      const int32_t away_x = x - ((along * dx) >> 12);
      const int32_t away_y = y - ((along * dy) >> 12);
      const int32_t inside = outer2 - (away_x * away_x + away_y * away_y);
      ink[column] = std::max(ink[column], std::min((std::max(inside, 0) * slope) >> 12, 255));
    }
  }
}

}  // namespace lockstep::data
