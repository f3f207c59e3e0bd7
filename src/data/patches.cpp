#include "patches.h"

#include <memory>

#include "grey_pictures.h"

namespace lockstep::data {
namespace {

constexpr int kAttempts = 16;
constexpr int64_t kLeastDeviation = 16;  // of grey levels

// Whether the variance, which is (n sum x^2 - (sum x)^2) / n^2, is large enough.
bool has_texture(const Picture& patch) {
  int64_t sum = 0;
  int64_t squares = 0;
  for (const int64_t grey : patch) {
    sum += grey;
    squares += grey * grey;
  }
  constexpr int64_t kCount = static_cast<int64_t>(kPixels);
  return kCount * squares - sum * sum >= kLeastDeviation * kLeastDeviation * kCount * kCount;
}

Picture cut_patch(const GreyPictures& pictures, RandomStream& random) {
  const unsigned char* const picture =
      pictures.picture(random.below(static_cast<uint32_t>(pictures.count())));
  const int top = between(random, 0, static_cast<int>(pictures.height()) - kSide);
  const int left = between(random, 0, static_cast<int>(pictures.width()) - kSide);
  Picture patch;
  for (int y = 0; y < kSide; ++y) {
    std::copy_n(picture + (top + y) * pictures.width() + left, kSide, patch.begin() + y * kSide);
  }
  return patch;
}

}  // namespace

PatchSource open_patches(const std::string& path, const std::string& split) {
  if (path.empty()) return {"drawn textures", draw_texture};
  const auto pictures = std::make_shared<const GreyPictures>(path, split);
  pictures->require_at_least(kSide, kSide);
  return {"pictures of " + pictures->name(), [pictures](RandomStream& random) {
            Picture patch = cut_patch(*pictures, random);
            for (int attempt = 1; attempt < kAttempts && !has_texture(patch); ++attempt)
              patch = cut_patch(*pictures, random);
            return patch;
          }};
}

}  // namespace lockstep::data
