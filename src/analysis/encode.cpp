#include "lockstep/analysis/encode.h"

#include <algorithm>
#include <cstring>

#include "lockstep/analysis/forward.h"
#include "lockstep/kernels/vector_math.h"
#include "shared_writer.h"

namespace lockstep::analysis {

namespace {

// Samples whose inputs and outputs are held at once.
int64_t block_rows(int64_t width) {
  constexpr int64_t kBytes = 32 << 20;
  return std::max<int64_t>(kBytes / (2 * width * static_cast<int64_t>(sizeof(float))), 32);
}

std::vector<int64_t> dims_of(const Shape& shape) {
  if (shape.height == 1 && shape.width == 1) return {shape.channels};
  return {shape.channels, shape.height, shape.width};
}

io::Rows file_rows(const Rows& values, std::vector<int32_t> labels) {
  io::Rows rows;
  rows.count = values.count;
  rows.inputs.resize(values.values.size() * sizeof(float));
  std::memcpy(rows.inputs.data(), values.values.data(), rows.inputs.size());
  rows.labels = std::move(labels);
  return rows;
}

// As losses compute it.
void apply_sigmoid(Rows& rows) {
  for (float& value : rows.values) value = kernels::vsigmoid(value);
}

double squared_error(const Rows& a, const Rows& b) {
  double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const double difference = static_cast<double>(a.values[i]) - static_cast<double>(b.values[i]);
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

std::vector<EncodedSplit> encode_dataset(const Team& team, const Application& encoder,
                                         const Activity& activity, const std::string& done,
                                         const std::string& output) {
  const data::Dataset& dataset = encoder.dataset;
  const int64_t units = encoder.network.output_shape().size();
  const int64_t width = encoder.network.input_shape().size();
  Forward forward(encoder.network, encoder.parameters, team);
  SharedWriter writer(team.group, output);
  io::DatasetInfo info = float_info(dataset.info, dims_of(encoder.network.output_shape()), done);
  info.target_dims.clear();
  writer.start(info, [](io::File&) {});
  std::vector<EncodedSplit> encoded;
  for (const auto& [name, split] : data::splits_of(dataset)) {
    const auto encode = [&, &name = name, &split = split](int64_t first, int64_t count, float* codes) {
      const Rows rows = forward(inputs_of(team, *split, encoder.unpacker, width, first, count));
      std::copy(rows.values.begin(), rows.values.end(), codes);
      if (team.group.rank() != 0) return;
      writer.append(name, file_rows(rows, labels_of(*split, first, count)));
    };
    encoded.push_back({name, code_statistics(team, split->rows(), units, activity, encode)});
  }
  writer.finish();
  return encoded;
}

std::vector<ReconstructedSplit> reconstruct_dataset(const Team& team, const Application& autoencoder,
                                                    bool sigmoid_on_top, const std::string& done,
                                                    const std::string& output) {
  const data::Dataset& dataset = autoencoder.dataset;
  Forward forward(autoencoder.network, autoencoder.parameters, team);
  SharedWriter writer(team.group, output);
  io::DatasetInfo info = float_info(dataset.info, dataset.info.sample_dims, done);
  info.target_dims = dataset.info.sample_dims;
  writer.start(info, [](io::File&) {});
  std::vector<ReconstructedSplit> reconstructed;
  for (const auto& [name, split] : data::splits_of(dataset)) {
    ReconstructedSplit result{name, split->rows(), 0};
    const int64_t block = block_rows(autoencoder.network.input_shape().size());
    for (int64_t first = 0; first < result.samples; first += block) {
      const int64_t count = std::min(block, result.samples - first);
      const Rows inputs = inputs_of(team, *split, autoencoder.unpacker,
                                    autoencoder.network.input_shape().size(), first, count);
      Rows outputs = forward(inputs);
      if (sigmoid_on_top) apply_sigmoid(outputs);
      result.squared_error += squared_error(outputs, inputs) / static_cast<double>(result.samples);
      comm::together(team.group, [&, &name = name, &split = split] {
        if (team.group.rank() != 0) return;
        io::Rows rows = file_rows(outputs, labels_of(*split, first, count));
        rows.targets = inputs.values;
        writer.append(name, rows);
      });
    }
    reconstructed.push_back(result);
  }
  writer.finish();
  return reconstructed;
}

}  // namespace lockstep::analysis
