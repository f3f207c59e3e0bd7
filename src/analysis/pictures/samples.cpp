// reconstructions, confusion and mistakes: what a network makes of samples.
#include <algorithm>
#include <cmath>

#include "lockstep/analysis/plot.h"
#include "lockstep/core/error.h"
#include "pictures.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kMostColumns = 16;

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum;
}

std::string no_classifier(const Material& material) {
  if (material.subject().classifies) return "";
  return "it does not classify, so there is nothing to be right or wrong about";
}

}  // namespace

std::string lacks_reconstructions(const Material& material) {
  if (!material.subject().reconstructs) return "it is no autoencoder, so it reconstructs nothing";
  return not_pictures(material);
}

// Pairs of rows: samples, and what the network makes of them.
Picture draw_reconstructions(Material& material) {
  constexpr int64_t kPairs = 3;
  const Shape shape = material.tile_shape();
  const int64_t zoom = zoom_for(shape);
  const int64_t fit = columns_for_tiles(shape, zoom, kMostColumns);
  const Samples samples = material.samples(kPairs * fit);
  const Rows outputs = material.outputs(samples.inputs);
  const int64_t columns = std::min(fit, samples.inputs.count);
  const std::vector<float> originals = material.tiles(samples.inputs);
  const std::vector<float> reconstructions = material.tiles(outputs);
  std::vector<float> tiles;
  for (int64_t first = 0; first < samples.inputs.count; first += columns) {
    // An incomplete last pair is left out, unless it is all there is.
    if (first + columns > samples.inputs.count) break;
    for (const std::vector<float>* row : {&originals, &reconstructions}) {
      const auto begin = row->begin() + first * shape.size();
      tiles.insert(tiles.end(), begin, begin + columns * shape.size());
    }
  }
  double error = 0;
  for (int64_t r = 0; r < outputs.count; ++r)
    error += squared_distance(samples.inputs.row(r), outputs.row(r));
  Picture picture;
  picture.image = draw_tiles(tiles, {.shape = shape,
                                     .columns = columns,
                                     .together = 2,
                                     .zoom = zoom,
                                     .range = material.tile_range(originals)});
  picture.caption =
      text("Samples of the ", material.subject().split_name,
           " split, evenly spread over it, and below each row what the autoencoder makes of them; the ",
           "mean squared error of these ", outputs.count, " is ",
           rounded(error / static_cast<double>(outputs.count), 4), " a sample, summed over its ",
           outputs.width, " values.");
  return picture;
}

std::string lacks_confusion(const Material& material) {
  constexpr int64_t kMostClasses = 200;
  if (material.subject().info.classes > kMostClasses) {
    return text("its ", material.subject().info.classes, " classes are more than the ", kMostClasses,
                " that a matrix can show");
  }
  return no_classifier(material);
}

Picture draw_confusion(Material& material) {
  const Classification& all = material.classification();
  const int64_t classes = material.subject().info.classes;
  const auto cell = static_cast<double>(std::clamp<int64_t>(380 / classes, 2, 38));
  const double side = cell * static_cast<double>(classes);
  const bool words = cell >= 18;  // pixels, to hold a number
  Image colours(classes, classes, 3);
  Svg svg(side + 64, side + 54, "Confusion matrix");
  const double left = 56;
  const double top = 8;
  const auto count = [&](int64_t label, int64_t found) {
    return all.confusion[static_cast<size_t>(label * classes + found)];
  };
  const auto rate = [&](int64_t label, int64_t found) {
    int64_t sum = 0;
    for (int64_t f = 0; f < classes; ++f) sum += count(label, f);
    return sum > 0 ? static_cast<double>(count(label, found)) / static_cast<double>(sum) : 0;
  };
  for (int64_t label = 0; label < classes; ++label) {
    for (int64_t found = 0; found < classes; ++found) {
      const Colour colour = map_colour(ColourMap::kAmount, std::sqrt(rate(label, found)));
      for (int64_t c = 0; c < 3; ++c) colours.at(found, label, c) = colour[static_cast<size_t>(c)];
    }
  }
  svg.image(left, top, side, side, colours);
  svg.open("g", {{"class", "counts"}, {"text-anchor", "middle"}});
  const auto middle = [&](int64_t i) { return cell * (static_cast<double>(i) + 0.5); };
  for (int64_t label = 0; words && label < classes; ++label) {
    for (int64_t found = 0; found < classes; ++found) {
      if (count(label, found) == 0) continue;
      svg.text(left + middle(found), top + middle(label) + 4, std::to_string(count(label, found)),
               {{"fill", std::sqrt(rate(label, found)) > 0.6 ? "#ffffff" : "#1f2328"}});
    }
  }
  svg.close();
  const int64_t stride = words ? 1 : std::max<int64_t>(1, classes / 10);
  svg.open("g", {{"class", "classes"}, {"fill-opacity", "0.75"}});
  for (int64_t i = 0; i < classes; i += stride) {
    svg.text(left - 6, top + middle(i) + 4, std::to_string(i), {{"text-anchor", "end"}});
    svg.text(left + middle(i), top + side + 15, std::to_string(i), {{"text-anchor", "middle"}});
  }
  svg.close();
  svg.text(left + side / 2, top + side + 34, "found", {{"text-anchor", "middle"}});
  svg.text(0, 0, "label",
           {{"text-anchor", "middle"},
            {"transform", "translate(20 " + svg_number(top + side / 2) + ") rotate(-90)"}});
  Picture picture;
  picture.svg = svg.finish();
  picture.caption = text("What the ", all.count, " samples of the ", material.subject().split_name,
                         " split were taken for: ", all.wrong, " wrong (",
                         rounded(100 * static_cast<double>(all.wrong) / static_cast<double>(all.count)),
                         " %)", data::views_text(material.subject().both_views),
                         ". Shades are the square root of the share of a row's label.");
  return picture;
}

std::string lacks_mistakes(const Material& material) {
  const std::string why = no_classifier(material);
  return why.empty() ? not_pictures(material) : why;
}

Picture draw_mistakes(Material& material) {
  const Classification& all = material.classification();
  std::vector<int64_t> indices;
  for (const Answer& answer : all.worst) indices.push_back(answer.index);
  const Samples samples = material.samples_at(indices);
  const std::vector<float> tiles = material.tiles(samples.inputs);
  const Range range = material.tile_range(tiles);
  const Shape shape = material.tile_shape();
  const int64_t zoom = zoom_for(shape, 84);
  const double width = static_cast<double>(std::max<int64_t>(shape.width * zoom, 84)) + 11;
  const double height = static_cast<double>(shape.height * zoom) + 42;
  const auto count = static_cast<int64_t>(indices.size());
  const int64_t columns = std::clamp<int64_t>(static_cast<int64_t>(955 / width), 1, 10);
  const int64_t rows = (count + columns - 1) / columns;
  Svg svg(width * static_cast<double>(std::min(columns, count)), height * static_cast<double>(rows),
          "Worst samples");
  for (int64_t i = 0; i < count; ++i) {
    const Answer& answer = all.worst[static_cast<size_t>(i)];
    const double x = width * static_cast<double>(i % columns);
    const double y = height * static_cast<double>(i / columns);
    const auto tile =
        std::span(tiles).subspan(static_cast<size_t>(i * shape.size()), static_cast<size_t>(shape.size()));
    svg.image(x, y, static_cast<double>(shape.width * zoom), static_cast<double>(shape.height * zoom),
              draw_tiles(tile, {.shape = shape, .margin = 0, .range = range}));
    const bool wrong = answer.label != answer.found;
    svg.text(x, y + height - 28,
             text("label ", answer.label, wrong ? text(", found ", answer.found) : ", found"));
    svg.text(x, y + height - 15, text("loss ", rounded(answer.loss)), {{"fill-opacity", "0.75"}});
  }
  Picture picture;
  picture.svg = svg.finish();
  picture.caption = text("The ", count, " samples of the ", material.subject().split_name,
                         " split with the highest loss, the highest first",
                         data::views_text(material.subject().both_views), ".");
  return picture;
}

}  // namespace lockstep::analysis
