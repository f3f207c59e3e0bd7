#include "lockstep/analysis/forward.h"

#include <algorithm>
#include <numeric>

#include "lockstep/kernels/layout.h"

namespace lockstep::analysis {

Rows inputs_of(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width,
               int64_t first, int64_t count) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return inputs_of(team, split, unpacker, width, indices);
}

Rows inputs_of(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width,
               std::span<const int64_t> indices) {
  constexpr int64_t kRows = 256;  // fetched at once
  const auto count = static_cast<int64_t>(indices.size());
  Rows rows{count, width, std::vector<float>(static_cast<size_t>(count * width))};
  // Every rank has, or reads, the whole dataset: fetching is no work to share.
  comm::together(team.group, [&] {
    std::vector<float> columns;
    for (int64_t begin = 0; begin < count; begin += kRows) {
      const int64_t n = std::min(kRows, count - begin);
      const int64_t stride = kernels::columns_for(n);
      const auto set = indices.subspan(static_cast<size_t>(begin), static_cast<size_t>(n));
      const data::Samples samples = split.fetch({set.begin(), set.end()});
      columns.resize(static_cast<size_t>(width * stride));
      unpacker.unpack(samples, 0, n, std::nullopt, stride, columns.data());
      for (int64_t i = 0; i < n; ++i) {
        float* row = rows.values.data() + (begin + i) * width;
        for (int64_t f = 0; f < width; ++f) row[f] = columns[static_cast<size_t>(f * stride + i)];
      }
    }
  });
  return rows;
}

Forward::Forward(const nn::Network& network, const float* parameters, const Team& team)
    : network_(network), parameters_(parameters), team_(team) {
  for (int t = 0; t < team.workers.threads(); ++t) workspaces_.push_back(network.workspace(kColumns));
}

Rows Forward::operator()(const Rows& inputs) {
  const int64_t width = network_.output_shape().size();
  const int64_t sets = (inputs.count + kColumns - 1) / kColumns;
  Rows outputs{inputs.count, width, {}};
  outputs.values =
      share<float>(team_, sets, kColumns * width, [&](int64_t set, int slot, std::span<float> out) {
        const int64_t first = set * kColumns;
        pass(std::min(kColumns, inputs.count - first), inputs.values.data() + first * inputs.width, slot,
             out.data());
      });
  outputs.values.resize(static_cast<size_t>(inputs.count * width));
  return outputs;
}

Rows Forward::local(const Rows& inputs, int slot) {
  const int64_t width = network_.output_shape().size();
  Rows outputs{inputs.count, width, std::vector<float>(static_cast<size_t>(inputs.count * width))};
  for (int64_t first = 0; first < inputs.count; first += kColumns) {
    pass(std::min(kColumns, inputs.count - first), inputs.values.data() + first * inputs.width, slot,
         outputs.values.data() + first * width);
  }
  return outputs;
}

// Always whole sets of columns, so that a sample's bits do not depend on how many come with it.
void Forward::pass(int64_t count, const float* inputs, int slot, float* outputs) {
  nn::Workspace& workspace = workspaces_[static_cast<size_t>(slot)];
  const int64_t features = network_.input_shape().size();
  float* in = workspace.input();
  for (int64_t f = 0; f < features; ++f) {
    for (int64_t n = 0; n < kColumns; ++n) in[f * kColumns + n] = n < count ? inputs[n * features + f] : 0.0f;
  }
  nn::Pass pass;
  pass.samples = count;
  pass.columns = kColumns;
  pass.minibatch = count;
  network_.fprop(pass, parameters_, workspace);
  const int64_t width = network_.output_shape().size();
  const float* out = workspace.output();
  for (int64_t f = 0; f < width; ++f) {
    for (int64_t n = 0; n < count; ++n) outputs[n * width + f] = out[f * kColumns + n];
  }
}

}  // namespace lockstep::analysis
