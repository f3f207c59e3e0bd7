// Digits turned, on noise, and on pieces of pictures, after H. Larochelle, D. Erhan, A. Courville, J.
// Bergstra, Y. Bengio (2007), "An empirical evaluation of deep architectures on problems with many factors of
// variation": of any digits of 28 x 28.
#include "digit_variants.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "digits.h"
#include "grey_pictures.h"
#include "lockstep/data/permutation.h"
#include "patches.h"

namespace lockstep::data {
namespace {

struct Digit {
  Picture picture;
  int32_t label;
};

struct DigitSource {
  std::string source;  // for people
  int64_t classes;
  std::function<Digit(uint64_t seed, uint64_t index)> digit;
};

Digit drawn_digit(uint64_t seed, uint64_t index) {
  Digit digit;
  digit.label = draw_ink(seed, index, digit.picture.data());
  return digit;
}

// Each of a file's digits once, in random order, before any comes again.
Digit chosen_digit(const GreyPictures& pictures, uint64_t seed, uint64_t index) {
  const uint64_t count = static_cast<uint64_t>(pictures.count());
  const Permutation order(seed, static_cast<uint32_t>(index / count), pictures.count());
  const int64_t place = order(static_cast<int64_t>(index % count));
  Digit digit;
  std::copy_n(pictures.picture(place), kPixels, digit.picture.begin());
  digit.label = pictures.label(place);
  return digit;
}

DigitSource open_digits(const std::string& path, const std::string& split) {
  if (path.empty()) return {"drawn digits", kDigitClasses, drawn_digit};
  const auto pictures = std::make_shared<const GreyPictures>(path, split);
  pictures->require_exactly(kSide, kSide);
  return {"digits of " + pictures->name(), pictures->classes(),
          [pictures](uint64_t seed, uint64_t index) { return chosen_digit(*pictures, seed, index); }};
}

Picture random_background(RandomStream& random) {
  Picture ground;
  for (size_t i = 0; i < kPixels; i += 4) {
    const uint32_t word = random.word();
    for (size_t byte = 0; byte < 4; ++byte) ground[i + byte] = static_cast<unsigned char>(word >> (8 * byte));
  }
  return ground;
}

// A generator that changes each digit of the source that `--from` names.
using Change = std::function<Picture(const Picture& digit, RandomStream& random)>;

SampleMaker changed_digits(const std::string& name, const std::string& with, const DigitSource& digits,
                           Artist artist, const Change& change) {
  return {name, picture_info(digits.classes, name + " of " + digits.source + with),
          [=](uint64_t seed, uint64_t index, unsigned char* pixels) {
            RandomStream random = sample_stream(seed, index, artist);
            const Digit digit = digits.digit(seed, index);
            const Picture changed = change(digit.picture, random);
            std::copy(changed.begin(), changed.end(), pixels);
            return digit.label;
          }};
}

SampleMaker open_rotated(const GeneratorSettings& settings, const std::string& split) {
  return changed_digits(
      "digits-rotated", "", open_digits(settings.from, split), Artist::kRotation,
      [](const Picture& digit, RandomStream& random) { return turned(digit, random_direction(random)); });
}

SampleMaker open_random_background(const GeneratorSettings& settings, const std::string& split) {
  return changed_digits(
      "digits-random-background", "", open_digits(settings.from, split), Artist::kRandomBackground,
      [](const Picture& digit, RandomStream& random) { return inked(digit, random_background(random)); });
}

SampleMaker open_image_background(const GeneratorSettings& settings, const std::string& split) {
  const PatchSource patches = open_patches(settings.background, split);
  return changed_digits("digits-image-background", " on " + patches.source, open_digits(settings.from, split),
                        Artist::kImageBackground, [patches](const Picture& digit, RandomStream& random) {
                          return inked(digit, patches.draw(random));
                        });
}

}  // namespace

Picture turned(const Picture& digit, Direction turn) {
  constexpr int kBits = 17;  // positions count 1/2^17 pixel: half pixels times 1/65536
  constexpr int64_t kMiddle = (kSide - 1) * kUnit;
  const auto level = [&](int64_t row, int64_t column) -> int64_t {
    const bool inside = row >= 0 && row < kSide && column >= 0 && column < kSide;
    return inside ? digit[static_cast<size_t>(row * kSide + column)] : 0;
  };
  Picture picture;
  for (size_t i = 0; i < kPixels; ++i) {
    const int64_t across = 2 * (static_cast<int64_t>(i) % kSide) - (kSide - 1);
    const int64_t down = 2 * (static_cast<int64_t>(i) / kSide) - (kSide - 1);
    const int64_t x = kMiddle + turn.cosine * across - turn.sine * down;
    const int64_t y = kMiddle + turn.sine * across + turn.cosine * down;
    const int64_t column = x >> kBits;
    const int64_t row = y >> kBits;
    const int64_t right = (x - (column << kBits)) >> (kBits - 8);  // of 256
    const int64_t lower = (y - (row << kBits)) >> (kBits - 8);
    const auto along_row = [&](int64_t r) {
      return level(r, column) * (256 - right) + level(r, column + 1) * right;
    };
    picture[i] = static_cast<unsigned char>(
        (along_row(row) * (256 - lower) + along_row(row + 1) * lower + 32768) >> 16);
  }
  return picture;
}

Picture inked(const Picture& digit, const Picture& ground) {
  Picture picture;
  std::transform(digit.begin(), digit.end(), ground.begin(), picture.begin(), [](int ink, int under) {
    return static_cast<unsigned char>((255 * ink + under * (255 - ink) + 127) / 255);
  });
  return picture;
}

Generator rotated_digits_generator() {
  return {"digits-rotated", "digits turned by any angle", {"from"}, open_rotated};
}

Generator random_background_generator() {
  return {"digits-random-background", "digits on noise", {"from"}, open_random_background};
}

Generator image_background_generator() {
  return {"digits-image-background", "digits on textures", {"from", "background"}, open_image_background};
}

}  // namespace lockstep::data
