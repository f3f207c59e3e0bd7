#include "lockstep/analysis/subject.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/nn/sub_network.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kCodeSamples = 1000;
constexpr int64_t kChunk = 1024;  // samples whose inputs are held at once
constexpr size_t kWorst = 30;

// Every n-th of so many.
std::vector<int64_t> evenly(int64_t rows, int64_t most) {
  const int64_t count = std::min(rows, most);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(i * rows / count);
  return indices;
}

double loss_of(const nn::Loss& loss, std::span<const float> output, int32_t label) {
  const auto features = static_cast<int64_t>(output.size());
  constexpr int64_t kColumns = kernels::kLanes;
  std::vector<float> columns(static_cast<size_t>(features * kColumns));
  std::vector<float> values(columns.size());
  for (int64_t f = 0; f < features; ++f) {
    columns[static_cast<size_t>(f * kColumns)] = output[static_cast<size_t>(f)];
  }
  values[static_cast<size_t>(label * kColumns)] = 1;
  std::vector<int32_t> labels(kColumns);
  labels[0] = label;
  nn::Pass pass;
  pass.samples = 1;
  pass.columns = kColumns;
  pass.minibatch = 1;
  return loss.evaluate(pass, features, columns.data(), {labels.data(), values.data()}, 0, nullptr).loss;
}

void keep_worst(std::vector<Answer>& worst, const Answer& answer) {
  const auto above = [](const Answer& a, const Answer& b) { return a.loss > b.loss; };
  const auto place = std::upper_bound(worst.begin(), worst.end(), answer, above);
  if (place == worst.end() && worst.size() == kWorst) return;
  worst.insert(place, answer);
  if (worst.size() > kWorst) worst.pop_back();
}

}  // namespace

Shape drawable_shape(const Shape& shape) {
  if (shape.channels == 1 || shape.channels == 3) return shape;
  return {1, shape.height, shape.width * shape.channels};
}

void append_tile(std::span<const float> values, const Shape& shape, std::vector<float>& tiles) {
  if (drawable_shape(shape) == shape) {
    tiles.insert(tiles.end(), values.begin(), values.end());
    return;
  }
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t c = 0; c < shape.channels; ++c) {
      const auto row = values.begin() + (c * shape.height + y) * shape.width;
      tiles.insert(tiles.end(), row, row + shape.width);
    }
  }
}

Material::Material(const Subject& subject, const Team& team) : subject_(subject), team_(team) {
  try {
    code_node_ = nn::code_node(subject.network, subject.code);
  } catch (const Error& error) {
    if (!subject.code.empty()) throw;
    no_code_ = error.what();
  }
}

Samples Material::samples(int64_t most) { return samples_at(evenly(subject_.split.rows(), most)); }

Samples Material::samples_at(const std::vector<int64_t>& indices) {
  Samples samples;
  samples.inputs =
      inputs_of(team_, subject_.split, subject_.unpacker, subject_.network.input_shape().size(), indices);
  comm::together(team_.group, [&] {
    if (subject_.info.classes > 0) samples.labels = subject_.split.fetch(indices).labels;
  });
  return samples;
}

Rows Material::outputs(const Rows& inputs) {
  Rows outputs = Forward(subject_.network, subject_.parameters, team_)(inputs);
  if (subject_.sigmoid_on_top) {
    for (float& value : outputs.values) value = 1 / (1 + std::exp(-value));
  }
  return outputs;
}

Rows Material::scored_outputs(Rows inputs) {
  Forward forward(subject_.network, subject_.parameters, team_);
  Rows outputs = forward(inputs);
  if (!subject_.both_views) return outputs;
  for (int64_t i = 0; i < inputs.count; ++i) {
    data::mirror(subject_.network.input_shape(), 1, inputs.values.data() + i * inputs.width);
  }
  const Rows others = forward(inputs);
  for (size_t i = 0; i < outputs.values.size(); ++i) {
    outputs.values[i] = 0.5f * (outputs.values[i] + others.values[i]);
  }
  return outputs;
}

const Code& Material::code() {
  if (code_) return *code_;
  const Samples seen = samples(kCodeSamples);
  const nn::Network encoder(subject_.network.input_shape(), nn::lines_up_to(subject_.network, code_node_),
                            subject_.settings);
  Buffer parameters(encoder.layout().floats());
  nn::copy_parameters(subject_.network, subject_.parameters, encoder, parameters.data());
  code_ = Code{subject_.network.nodes()[static_cast<size_t>(code_node_)].name,
               Forward(encoder, parameters.data(), team_)(seen.inputs), seen.labels};
  return *code_;
}

const Classification& Material::classification() {
  if (classification_) return *classification_;
  Classification all;
  const int64_t classes = subject_.info.classes;
  all.count = subject_.split.rows();
  all.confusion.assign(static_cast<size_t>(classes * classes), 0);
  for (int64_t first = 0; first < all.count; first += kChunk) {
    std::vector<int64_t> indices;
    for (int64_t i = first; i < std::min(first + kChunk, all.count); ++i) indices.push_back(i);
    Samples chunk = samples_at(indices);
    const Rows found = scored_outputs(std::move(chunk.inputs));
    for (size_t i = 0; i < indices.size(); ++i) {
      const std::span<const float> output = found.row(static_cast<int64_t>(i));
      const auto best = std::max_element(output.begin(), output.end()) - output.begin();
      const Answer answer{indices[i], chunk.labels[i], static_cast<int32_t>(best),
                          loss_of(subject_.loss, output, chunk.labels[i])};
      ++all.confusion[static_cast<size_t>(answer.label * classes + answer.found)];
      all.wrong += answer.label != answer.found;
      keep_worst(all.worst, answer);
    }
  }
  classification_ = std::move(all);
  return *classification_;
}

Shape Material::tile_shape() const { return drawable_shape(subject_.network.input_shape()); }

std::vector<float> Material::tiles(const Rows& rows) const {
  const Shape& shape = subject_.network.input_shape();
  const int64_t plane = shape.height * shape.width;
  const data::Normalisation& normalisation = subject_.normalisation;
  std::vector<float> tiles;
  std::vector<float> values;
  for (int64_t r = 0; r < rows.count; ++r) {
    const std::span<const float> row = rows.row(r);
    values.assign(row.begin(), row.end());
    for (int64_t f = 0; f < rows.width && !normalisation.mean.empty(); ++f) {
      const auto c = static_cast<size_t>(f / plane);
      float& value = values[static_cast<size_t>(f)];
      value = static_cast<float>(value * normalisation.deviation[c] + normalisation.mean[c]);
    }
    append_tile(values, shape, tiles);
  }
  return tiles;
}

Range Material::tile_range(const std::vector<float>& tiles) const {
  if (subject_.info.type == io::Type::kUint8) {
    constexpr double kLargestByte = 255;
    return {subject_.info.offset, subject_.info.offset + kLargestByte * subject_.info.scale};
  }
  const auto [low, high] = std::minmax_element(tiles.begin(), tiles.end());
  return {*low, *high};
}

}  // namespace lockstep::analysis
