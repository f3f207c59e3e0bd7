// A network with all that one microbatch needs: what the tests of networks share.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/nn/network.h"
#include "support/values.h"

namespace lockstep::nn {

using Values = std::vector<float>;

inline std::vector<LayerLine> lines_of(const std::vector<std::string>& texts) {
  std::vector<LayerLine> lines;
  for (const std::string& text : texts)
    lines.push_back({text, "net.cfg:" + std::to_string(lines.size() + 1)});
  return lines;
}

class SmallNetwork {
 public:
  SmallNetwork(const Shape& input, const std::vector<std::string>& lines, int64_t samples)
      : network(input, lines_of(lines), {"he"}),
        workspace(network.workspace(kernels::columns_for(samples))),
        parameters(static_cast<size_t>(network.layout().floats())) {
    pass.samples = samples;
    pass.columns = kernels::columns_for(samples);
    pass.minibatch = samples;
    pass.training = true;
    pass.seed = 5;
    network.initialise(1, parameters.data());
    // Biases other than zero, so that their part is seen.
    for (const ParameterInfo& p : network.layout().parameters()) {
      if (p.name != "bias") continue;
      const Values values = test::random_values(p.size, static_cast<uint32_t>(p.offset));
      std::copy(values.begin(), values.end(), parameters.begin() + p.offset);
    }
    set_input(test::random_values(input.size() * pass.columns, 7));
  }

  void set_input(const Values& values) { std::copy(values.begin(), values.end(), workspace.input()); }

  Values output() {
    network.fprop(pass, parameters.data(), workspace);
    const int64_t count = network.output_shape().size() * pass.columns;
    return {workspace.output(), workspace.output() + count};
  }

  // An output's derivative: random for the samples, zero in the columns beyond.
  Values output_delta() const {
    Values delta = test::random_values(network.output_shape().size() * pass.columns, 8);
    for (size_t i = 0; i < delta.size(); ++i) {
      if (static_cast<int64_t>(i) % pass.columns >= pass.samples) delta[i] = 0;
    }
    return delta;
  }

  Values gradient(const Values& delta) {
    output();
    std::copy(delta.begin(), delta.end(), workspace.output_delta());
    Values result(parameters.size());
    network.backward(pass, parameters.data(), workspace, result.data());
    return result;
  }

  const ParameterInfo& info(const std::string& layer, const std::string& name) const {
    for (const ParameterInfo& p : network.layout().parameters()) {
      if (p.layer == layer && p.name == name) return p;
    }
    fail("there is no ", layer, "/", name);
  }
  // One parameter's part of an arena.
  Values part(const Values& arena, const std::string& layer, const std::string& name) const {
    const ParameterInfo& p = info(layer, name);
    return {arena.begin() + p.offset, arena.begin() + p.offset + p.size};
  }
  void set_part(const std::string& layer, const std::string& name, const Values& values) {
    std::copy(values.begin(), values.end(), parameters.begin() + info(layer, name).offset);
  }

  Network network;
  Workspace workspace;
  Values parameters;
  Pass pass;
};

}  // namespace lockstep::nn
