// The relation of encoder and decoder as text, HDF5 and a picture.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lockstep/analysis/relation.h"
#include "lockstep/analysis/subject.h"
#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

std::string percent(double share) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.2f %%", 100 * share);
  return digits;
}

void write_filters(io::File& file, const std::string& name, const std::string& meaning,
                   const Filters& filters) {
  file.write(name, io::Type::kFloat64, {filters.count, filters.width}, filters.values.data());
  file.set_attribute(name, "meaning", meaning);
}

void write_numbers(io::File& file, const std::string& name, const std::string& meaning,
                   const std::vector<double>& values) {
  file.write(name, io::Type::kFloat64, {static_cast<int64_t>(values.size())}, values.data());
  file.set_attribute(name, "meaning", meaning);
}

Image draw_filters(const Filters& filters, const Shape& shape, int64_t count) {
  std::vector<float> tiles;
  const auto width = static_cast<size_t>(filters.width);
  for (size_t k = 0; k < static_cast<size_t>(count); ++k) {
    const std::vector<float> filter(&filters.values[k * width], &filters.values[k * width] + width);
    append_tile(filter, shape, tiles);
  }
  const Shape drawn = drawable_shape(shape);
  constexpr int64_t kPixels = 28;
  return draw_tiles(tiles, {.shape = drawn, .zoom = zoom_for(drawn, kPixels), .range = std::nullopt});
}

// Of equal height, on a white ground.
Image beside(const std::vector<Image>& images) {
  constexpr int64_t kGap = 12;
  constexpr uint8_t kWhite = 255;
  const Image& first = images.front();
  const auto count = static_cast<int64_t>(images.size());
  Image result(count * first.width() + (count - 1) * kGap, first.height(), first.channels(), kWhite);
  for (int64_t i = 0; i < count; ++i) {
    const Image& image = images[static_cast<size_t>(i)];
    for (int64_t y = 0; y < image.height(); ++y) {
      for (int64_t x = 0; x < image.width(); ++x) {
        for (int64_t c = 0; c < image.channels(); ++c) {
          result.at(i * (first.width() + kGap) + x, y, c) = image.at(x, y, c);
        }
      }
    }
  }
  return result;
}

}  // namespace

std::string relation_text(const Relation& relation) {
  std::vector<double> residuals = relation.covariance.residuals;
  std::sort(residuals.begin(), residuals.end());
  std::string result = text("filters     ", relation.filters.encoder.count, " of ",
                            relation.shape.to_string(), "\n", "covariance  of ", relation.data, ", ",
                            relation.components, " of ", relation.filters.encoder.width, " components");
  if (relation.epsilon > 0) result += text(", epsilon ", relation.epsilon);
  result += text("\nresidual    ", percent(relation.covariance.residual), " of the decoder as C W^T, ",
                 percent(relation.alone.residual), " as W^T alone, each unit scaled to fit best\n",
                 "per unit    ", percent(residuals.front()), " to ", percent(residuals.back()), ", median ",
                 percent(residuals[residuals.size() / 2]), "\n");
  return result;
}

void write_relation(const Relation& relation, io::File& file) {
  file.set_attribute("/", "format", std::string_view("lockstep-relation"));
  file.set_attribute("/", "version", int64_t{1});
  file.set_attribute("/", "covariance_of", std::string_view(relation.data));
  file.set_attribute("/", "components", relation.components);
  file.set_attribute("/", "epsilon", relation.epsilon);
  file.set_attribute("/", "residual", relation.covariance.residual);
  file.set_attribute("/", "residual_without_covariance", relation.alone.residual);
  write_filters(file, "/encoder", "a row of W a unit", relation.filters.encoder);
  write_filters(file, "/predicted", "C W^T, scaled to fit the decoder best", relation.covariance.predicted);
  write_filters(file, "/decoder", "a column of the decoder a unit", relation.filters.decoder);
  write_numbers(file, "/factors", "what each unit's prediction was scaled by", relation.covariance.factors);
  write_numbers(file, "/residuals", "|decoder - predicted| / |decoder| of each unit",
                relation.covariance.residuals);
  write_numbers(file, "/residuals_without_covariance", "the same of W^T, scaled to fit",
                relation.alone.residuals);
}

Image draw_relation(const Relation& relation) {
  constexpr int64_t kMost = 100;
  const int64_t count = std::min(kMost, relation.filters.encoder.count);
  std::vector<Image> images;
  for (const Filters* filters :
       {&relation.filters.encoder, &relation.covariance.predicted, &relation.filters.decoder}) {
    images.push_back(draw_filters(*filters, relation.shape, count));
  }
  return beside(images);
}

}  // namespace lockstep::analysis
