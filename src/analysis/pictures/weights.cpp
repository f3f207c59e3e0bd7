// filters and decoder: weights as pictures. Dense layers are known by their affine map, others by weights of
// four dimensions, as convolutions have them.
#include "lockstep/core/error.h"
#include "pictures.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kMostTiles = 96;

struct Filters {
  Shape shape;                // of one
  std::vector<float> values;  // one after the other
  int64_t count = 0;          // of all that there are
};

bool is_convolution(const nn::Node& node) { return !node.specs.empty() && node.specs[0].dims.size() == 4; }

std::vector<const float*> parameters_of(const Subject& subject, const nn::Node& node) {
  std::vector<const float*> pointers;
  for (const int64_t p : node.parameters) {
    pointers.push_back(subject.parameters +
                       subject.network.layout().parameters()[static_cast<size_t>(p)].offset);
  }
  return pointers;
}

bool has_weights(const Subject& subject, const nn::Node& node) {
  return is_convolution(node) || node.layer->affine_map(parameters_of(subject, node)).has_value();
}

// The first or last layer with weights; null where there is none.
const nn::Node* first_with_weights(const Subject& subject) {
  for (const nn::Node& node : subject.network.nodes()) {
    if (has_weights(subject, node)) return &node;
  }
  return nullptr;
}

const nn::Node* last_with_weights(const Subject& subject) {
  const auto& nodes = subject.network.nodes();
  for (size_t i = nodes.size(); i-- > 0;) {
    if (has_weights(subject, nodes[i])) return &nodes[i];
  }
  return nullptr;
}

Shape input_of(const Subject& subject, const nn::Node& node) {
  const int input = node.inputs[0];
  return input < 0 ? subject.network.input_shape()
                   : subject.network.nodes()[static_cast<size_t>(input)].layer->output_shape();
}

// Kernels [a, b, height, width]: one tile for each a, or for each b.
Filters kernels_of(const Subject& subject, const nn::Node& node, bool of_second) {
  const std::vector<int64_t>& dims = node.specs[0].dims;
  const float* weights = parameters_of(subject, node)[0];
  const int64_t window = dims[2] * dims[3];
  Filters filters{{of_second ? dims[0] : dims[1], dims[2], dims[3]}, {}, of_second ? dims[1] : dims[0]};
  for (int64_t t = 0; t < std::min(filters.count, kMostTiles); ++t) {
    for (int64_t c = 0; c < filters.shape.channels; ++c) {
      const float* kernel = weights + (of_second ? c * dims[1] + t : t * dims[1] + c) * window;
      filters.values.insert(filters.values.end(), kernel, kernel + window);
    }
  }
  return filters;
}

// Rows of a dense layer's matrix in the shape of its input, or columns in that of the network's input.
Filters rows_of(const Subject& subject, const nn::Node& node) {
  const nn::AffineMap map = *node.layer->affine_map(parameters_of(subject, node));
  Filters filters{input_of(subject, node), {}, map.outputs};
  const auto end = map.matrix.begin() + std::min(filters.count, kMostTiles) * map.inputs;
  filters.values.assign(map.matrix.begin(), end);
  return filters;
}

Filters columns_of(const Subject& subject, const nn::Node& node) {
  const nn::AffineMap map = *node.layer->affine_map(parameters_of(subject, node));
  Filters filters{subject.network.input_shape(), {}, map.inputs};
  for (int64_t t = 0; t < std::min(filters.count, kMostTiles); ++t) {
    for (int64_t i = 0; i < map.outputs; ++i) {
      filters.values.push_back(static_cast<float>(map.matrix[static_cast<size_t>(i * map.inputs + t)]));
    }
  }
  return filters;
}

Picture picture_of(const Filters& filters, const nn::Node& node, const std::string& what) {
  std::vector<float> tiles;
  const int64_t size = filters.shape.size();
  const auto shown = static_cast<int64_t>(filters.values.size()) / size;
  for (int64_t t = 0; t < shown; ++t) {
    append_tile(std::span(filters.values).subspan(static_cast<size_t>(t * size), static_cast<size_t>(size)),
                filters.shape, tiles);
  }
  const Shape shape = drawable_shape(filters.shape);
  const int64_t zoom = zoom_for({1, filters.shape.height, filters.shape.width});
  Picture picture;
  picture.image = draw_tiles(tiles, {.shape = shape,
                                     .columns = columns_for_tiles(shape, zoom, shown),
                                     .zoom = zoom,
                                     .range = std::nullopt});
  picture.caption = text(
      what, " of layer ", node.name, " (", node.line, "), ",
      shown < filters.count ? text("the first ", shown, " of ", filters.count) : text("all ", filters.count),
      ", each of ", filters.shape.to_string(), " and by its own range: grey is 0",
      shape.channels == 3 ? ", each colour apart" : ", white positive, black negative");
  if (!(shape == filters.shape))
    picture.caption += text("; its ", filters.shape.channels, " channels lie side by side");
  picture.caption += ".";
  return picture;
}

}  // namespace

std::string lacks_filters(const Material& material) {
  const Subject& subject = material.subject();
  const nn::Node* node = first_with_weights(subject);
  if (node == nullptr) return "it has no layer with weights";
  if (is_convolution(*node)) return "";
  const Shape shape = input_of(subject, *node);
  if (shape.height > 1 && shape.width > 1) return "";
  return "its first layer with weights, " + node->name + ", reads vectors of " + shape.to_string() +
         " numbers, no pictures";
}

Picture draw_filters(Material& material) {
  const Subject& subject = material.subject();
  const nn::Node& node = *first_with_weights(subject);
  const Filters filters =
      is_convolution(node) ? kernels_of(subject, node, node.type == "deconv") : rows_of(subject, node);
  return picture_of(filters, node, "Weights");
}

std::string lacks_decoder(const Material& material) {
  if (!material.subject().reconstructs) return "it is no autoencoder, so it has no decoder";
  if (last_with_weights(material.subject()) == nullptr) return "it has no layer with weights";
  return not_pictures(material);
}

Picture draw_decoder(Material& material) {
  const Subject& subject = material.subject();
  const nn::Node& node = *last_with_weights(subject);
  // What one unit, or one map, adds to the picture; a transposed convolution has its inputs first.
  const Filters filters =
      is_convolution(node) ? kernels_of(subject, node, node.type != "deconv") : columns_of(subject, node);
  return picture_of(filters, node, "What each unit below paints: weights");
}

}  // namespace lockstep::analysis
