#include <algorithm>
#include <array>

#include "direction.h"
#include "patches.h"

namespace lockstep::data {
namespace {

// Random levels on a lattice that repeats every 16 points, further than any texture here reaches.
class Lattice {
 public:
  explicit Lattice(RandomStream& random) {
    for (size_t i = 0; i < levels_.size(); i += 4) {
      const uint32_t word = random.word();
      for (size_t byte = 0; byte < 4; ++byte) levels_[i + byte] = static_cast<uint8_t>(word >> (8 * byte));
    }
  }

  // At a position in 1/65536 of a cell: smooth between the lattice's points; 0..255 in 1/65536.
  int64_t at(int64_t x, int64_t y) const {
    const int64_t column = x >> 16;
    const int64_t row = y >> 16;
    const int64_t across = smooth(x & 0xffff);
    const int64_t down = smooth(y & 0xffff);
    const auto along_row = [&](int64_t r) {
      return level(r, column) * (kUnit - across) + level(r, column + 1) * across;
    };
    return (along_row(row) * (kUnit - down) + along_row(row + 1) * down) >> 16;
  }

 private:
  static constexpr int64_t kPeriod = 16;

  // t^2 (3 - 2t): no kinks where cells meet.
  static int64_t smooth(int64_t t) {
    const int64_t square = (t * t) >> 16;
    return 3 * square - ((2 * square * t) >> 16);
  }
  int64_t level(int64_t row, int64_t column) const {
    return levels_[static_cast<size_t>((row & (kPeriod - 1)) * kPeriod + (column & (kPeriod - 1)))];
  }

  std::array<uint8_t, size_t{kPeriod} * kPeriod> levels_;
};

// How a texture lies on the picture. Frequencies are cells a pixel, in 1/1024.
struct Grain {
  Direction turn;
  int64_t frequency_across;
  int64_t frequency_along;
  int64_t roughness;  // the strength of an octave against the one before, in 1/256
};

constexpr int kOctaves = 3;
constexpr int kLowest = 40;    // 26 pixels a cell
constexpr int kHighest = 140;  // 7 pixels
constexpr int kShortest = 64;  // of the frequency along the grain against that across it, in 1/256
constexpr int kSmoothest = 50;
constexpr int kRoughest = 160;

Grain draw_grain(RandomStream& random) {
  Grain grain;
  grain.turn = random_direction(random);
  grain.frequency_across = between(random, kLowest, kHighest);
  grain.frequency_along = grain.frequency_across * between(random, kShortest, 256) / 256;
  grain.roughness = between(random, kSmoothest, kRoughest);
  return grain;
}

void add_octave(const Grain& grain, int octave, int64_t strength, RandomStream& random,
                std::array<int64_t, kPixels>& field) {
  const Lattice lattice(random);
  const int64_t shift_x = between(random, 0, kUnit - 1);
  const int64_t shift_y = between(random, 0, kUnit - 1);
  for (int64_t i = 0; i < static_cast<int64_t>(kPixels); ++i) {
    const int64_t x = i % kSide;
    const int64_t y = i / kSide;
    const int64_t across = x * grain.turn.cosine + y * grain.turn.sine;  // in 1/65536 pixel
    const int64_t along = y * grain.turn.cosine - x * grain.turn.sine;
    const int64_t level = lattice.at(((across * grain.frequency_across) >> (10 - octave)) + shift_x,
                                     ((along * grain.frequency_along) >> (10 - octave)) + shift_y);
    field[static_cast<size_t>(i)] += (level * strength) >> 8;
  }
}

}  // namespace

Picture draw_texture(RandomStream& random) {
  const Grain grain = draw_grain(random);
  std::array<int64_t, kPixels> field{};
  int64_t strength = 256;
  for (int octave = 0; octave < kOctaves; ++octave) {
    add_octave(grain, octave, strength, random, field);
    strength = strength * grain.roughness / 256;
  }
  const int64_t darkest = between(random, 0, 100);
  const int64_t brightest = between(random, 155, 255);
  const auto [low, high] = std::minmax_element(field.begin(), field.end());
  const int64_t lowest = *low;
  const int64_t range = std::max<int64_t>(*high - lowest, 1);
  Picture picture;
  std::transform(field.begin(), field.end(), picture.begin(), [&](int64_t level) {
    return static_cast<unsigned char>(darkest + (level - lowest) * (brightest - darkest) / range);
  });
  return picture;
}

}  // namespace lockstep::data
