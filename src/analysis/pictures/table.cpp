#include <algorithm>
#include <charconv>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "pictures.h"

namespace lockstep::analysis {

const std::vector<PictureKind>& picture_kinds() {
  static const std::vector<PictureKind> table = {
      {"curves", "Training", "loss and error over training", true, lacks_curves, draw_curves},
      {"reconstructions", "Reconstructions", "samples, and below each what the autoencoder makes of it",
       false, lacks_reconstructions, draw_reconstructions},
      {"filters", "Filters of the first layer", "the first layer's weights", false, lacks_filters,
       draw_filters},
      {"decoder", "Filters of the decoder", "an autoencoder's last weights: what each unit paints", false,
       lacks_decoder, draw_decoder},
      {"mistakes", "Worst samples", "the samples of the highest loss", true, lacks_mistakes, draw_mistakes},
      {"histogram", "Code values", "values of the code, and its units' means", true, lacks_histogram,
       draw_histogram},
      {"confusion", "Confusion matrix", "what each class was taken for", true, lacks_confusion,
       draw_confusion},
      {"embedding", "Code in two dimensions", "the code's first two principal components, coloured by label",
       true, lacks_embedding, draw_embedding},
      {"field", "Vector field and energy",
       "where an autoencoder takes points of the plane of most variance, with fixed points", true,
       lacks_field, draw_field},
  };
  return table;
}

const PictureKind& picture_kind(const std::string& name, const Material& material) {
  std::vector<std::string> all;
  std::string there_are;
  for (const PictureKind& kind : picture_kinds()) {
    all.push_back(kind.name);
    if (kind.lacks(material).empty()) there_are += (there_are.empty() ? "" : ", ") + kind.name;
  }
  const auto found = std::find(all.begin(), all.end(), name);
  if (found == all.end()) fail_usage("there is no picture '", name, "'; ", suggestion(name, all));
  const PictureKind& kind = picture_kinds()[static_cast<size_t>(found - all.begin())];
  const std::string why = kind.lacks(material);
  if (!why.empty())
    fail_usage("there is no picture '", name, "' of this network: ", why, "; there are ", there_are);
  return kind;
}

std::string not_pictures(const Material& material) {
  const Shape& shape = material.subject().network.input_shape();
  if (shape.height > 1 && shape.width > 1) return "";
  return "its samples are vectors of " + shape.to_string() + " numbers, no pictures";
}

int64_t columns_for_tiles(const Shape& shape, int64_t zoom, int64_t count) {
  constexpr int64_t kPageWidth = 950;  // pixels
  constexpr int64_t kMost = 16;
  const int64_t fit = std::clamp<int64_t>(kPageWidth / (shape.width * zoom + 2), 1, kMost);
  const int64_t rows = (count + fit - 1) / fit;
  return (count + rows - 1) / rows;
}

std::string counted(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string rounded(double value, int digits) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr;
  return {text, end};
}

}  // namespace lockstep::analysis
