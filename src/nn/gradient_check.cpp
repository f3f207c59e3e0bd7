#include "lockstep/nn/gradient_check.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/random.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/nn/network.h"
#include "lockstep/nn/together.h"

namespace lockstep::nn {

namespace {

constexpr int64_t kSamples = 5;      // not a whole vector, so that columns beyond the samples are there too
constexpr int64_t kMoreSamples = 3;  // of a second microbatch, where microbatches go together
constexpr int kDirections = 4;

// The network with parameters, a minibatch and a random linear function of its output, to which its penalties
// are added. The minibatch is one microbatch, or two where the network's microbatches go together.
class Probe {
 public:
  explicit Probe(const GradientCase& c) : network_(c.input, lines_of(c), {}), random_(1, Purpose::kTest, 0) {
    parameters_ = Buffer(network_.layout().floats());
    network_.initialise(3, parameters_.data());
    // Biases start at zero, where some derivatives hide mistakes.
    for (int64_t i = 0; i < parameters_.size(); ++i) parameters_.data()[i] += 0.1f * random_.normal();
    std::vector<int64_t> samples = {kSamples};
    if (network_.goes_together()) samples.push_back(kMoreSamples);
    for (const int64_t count : samples) add_microbatch(count);
    for (Microbatch& m : microbatches_)
      members_.push_back({m.pass, &m.workspace, m.gradient.data(), nullptr});
    company_.for_each = [this](const auto& task) {
      for (size_t m = 0; m < members_.size(); ++m) task(m);
    };
    company_.sum = [this](std::span<const double> terms) {
      std::vector<double> sums(terms.size() / members_.size());
      for (size_t i = 0; i < terms.size(); ++i) sums[i % sums.size()] += terms[i];
      return std::optional(sums);
    };
  }

  const Network& network() const { return network_; }
  RandomStream& random() { return random_; }

  double value(const float* parameters) {
    for (Microbatch& m : microbatches_) std::copy(m.input.begin(), m.input.end(), m.workspace.input());
    network_.fprop_together(parameters, members_, company_);
    double sum = 0;
    for (const Microbatch& m : microbatches_) {
      sum += network_.penalty(m.workspace) / static_cast<double>(m.pass.minibatch);
      for (size_t i = 0; i < m.weights.size(); ++i) {
        if (m.weights[i] != 0)
          sum += static_cast<double>(m.weights[i]) * static_cast<double>(m.workspace.output()[i]);
      }
    }
    return sum;
  }

  std::vector<float> gradient() {
    value(parameters_.data());
    for (Microbatch& m : microbatches_)
      std::copy(m.weights.begin(), m.weights.end(), m.workspace.output_delta());
    network_.backward_together(parameters_.data(), members_, company_);
    std::vector<float> sum(static_cast<size_t>(parameters_.size()));
    for (const Microbatch& m : microbatches_) {
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += m.gradient.data()[i];
    }
    return sum;
  }

  // The central difference along a direction that moves one parameter's numbers.
  double difference(const ParameterInfo& parameter, const std::vector<float>& direction, double step) {
    Buffer moved(parameters_.size());
    const auto at = [&](double distance) {
      std::copy_n(parameters_.data(), parameters_.size(), moved.data());
      for (size_t i = 0; i < direction.size(); ++i) {
        moved.data()[parameter.offset + static_cast<int64_t>(i)] +=
            static_cast<float>(distance) * direction[i];
      }
      return value(moved.data());
    };
    return (at(step) - at(-step)) / (2 * step);
  }

 private:
  struct Microbatch {
    Pass pass;
    Workspace workspace;
    Buffer gradient;
    std::vector<float> input;
    std::vector<float> weights;
  };

  void add_microbatch(int64_t samples) {
    Microbatch m;
    m.pass.samples = samples;
    m.pass.columns = kernels::columns_for(samples);
    m.pass.together = network_.goes_together();
    m.pass.minibatch = m.pass.together ? kSamples + kMoreSamples : kSamples;
    m.pass.training = true;
    m.pass.seed = 7;
    m.workspace = network_.workspace(m.pass.columns);
    m.gradient = Buffer(network_.layout().floats());
    const auto random = [&](const Shape& shape) {
      std::vector<float> values;
      for (int64_t i = 0; i < shape.size() * m.pass.columns; ++i)
        values.push_back(i % m.pass.columns < samples ? random_.normal() : 0.0f);
      return values;
    };
    m.input = random(network_.input_shape());
    m.weights = random(network_.output_shape());
    microbatches_.push_back(std::move(m));
  }

  static std::vector<LayerLine> lines_of(const GradientCase& c) {
    std::vector<LayerLine> lines;
    for (const auto& line : c.lines) lines.push_back({line, "gradient case " + c.layer});
    return lines;
  }

  Network network_;
  RandomStream random_;
  Buffer parameters_;
  std::vector<Microbatch> microbatches_;
  std::vector<Member> members_;
  Company company_;
};

}  // namespace

const std::vector<GradientCase>& gradient_cases() {
  static const std::vector<GradientCase> cases = {
      {"conv", {3, 6, 5}, {"conv 4 kernel=3 pad=1", "conv 5 kernel=3 stride=2 pad=1"}},
      {"deconv", {3, 4, 3}, {"conv 4 kernel=3 pad=1", "deconv 2 kernel=4 stride=2 pad=1"}},
      {"deconv", {2, 7, 7}, {"conv 3 kernel=3 stride=2 name=a", "tanh", "deconv 2 kernel=3 stride=2 tied=a"}},
      {"conv", {3, 6, 5}, {"conv 4 kernel=3 bias=no", "conv 5 kernel=2"}},
      {"linear", {7}, {"linear 9", "linear 5"}},
      {"linear", {7}, {"linear 9 name=a", "linear 7 tied=a", "linear 9 share=a"}},
      {"linear", {7}, {"linear 9 bias=no name=a", "linear 7 tied=a bias=no"}},
      {"centres", {7}, {"linear 6", "centres 9"}},
      // K-means as an autoencoder: the centres' gradient is that of the decoder alone.
      {"winner", {7}, {"centres 9 name=a", "winner", "linear 7 tied=a bias=no"}, 1e-3},
      {"maxpool", {2, 7, 7}, {"conv 3 kernel=3 pad=1", "maxpool 3 stride=2"}, 1e-4},
      {"maxpool", {2, 6, 7}, {"conv 3 kernel=3 pad=1", "maxpool 3 stride=2 edge=keep"}, 1e-4},
      {"avgpool", {2, 7, 7}, {"conv 3 kernel=3 pad=1", "avgpool 3 stride=2"}},
      {"avgpool", {2, 6, 7}, {"conv 3 kernel=3 pad=1", "avgpool 3 stride=2 edge=keep"}},
      {"globalavgpool", {2, 4, 5}, {"conv 3 kernel=3 pad=1", "globalavgpool"}},
      {"subsample", {2, 6, 6}, {"conv 3 kernel=3 pad=1", "subsample 2"}},
      // Normalising takes away what a bias before it adds, hence the layer in between.
      {"batchnorm", {2, 4, 5}, {"conv 3 kernel=3 pad=1", "tanh", "batchnorm", "linear 3"}},
      {"batchnorm",
       {2, 4, 5},
       {"conv 3 kernel=3 pad=1", "tanh", "batchnorm statistics=minibatch", "conv 2 kernel=2", "tanh",
        "batchnorm statistics=minibatch", "linear 3"}},
      {"batchnorm",  // of the input, of whose sums backward nobody asks, and beside it
       {3, 2, 2},
       {"batchnorm statistics=minibatch name=a", "tanh name=b", "batchnorm statistics=minibatch name=c",
        "add from=b,c", "linear 3"}},
      {"relu", {7}, {"linear 9", "relu"}},
      {"leaky-relu", {7}, {"linear 9", "leaky-relu 0.1"}},
      {"sigmoid", {7}, {"linear 9", "sigmoid"}},
      {"tanh", {7}, {"linear 9", "tanh"}},
      {"softplus", {7}, {"linear 9", "softplus"}},
      {"soft-threshold", {7}, {"linear 9", "soft-threshold 0.4"}, 1e-4},
      {"threshold", {7}, {"linear 9", "threshold 0.4"}, 1e-4},
      {"dropout", {7}, {"linear 9", "dropout 0.3"}},
      {"corrupt", {7}, {"linear 9", "corrupt masking 0.3", "linear 5"}},
      {"corrupt", {7}, {"linear 9", "corrupt salt-and-pepper 0.3 low=-1", "linear 5"}},
      {"corrupt", {7}, {"linear 9", "corrupt gaussian 0.3", "linear 5"}},
      {"l1", {7}, {"linear 9", "l1 0.5", "linear 5"}, 1e-4},
      {"l1", {7}, {"linear 9 name=w bias=no", "l1 0.5", "linear 7 tied=w bias=no"}, 1e-4},
      {"kl", {7}, {"linear 9", "sigmoid", "kl 0.1 2", "linear 5"}},
      {"saturate", {7}, {"linear 9", "relu", "saturate 0.5", "linear 5"}, 1e-4},
      {"saturate", {7}, {"linear 9", "soft-threshold 0.4", "saturate 0.5", "linear 5"}, 1e-4},
      {"saturate", {7}, {"linear 9", "threshold 0.4", "saturate 0.5", "linear 5"}, 1e-4},
      {"contractive", {7}, {"linear 9", "contractive 0.5", "linear 5"}},
      {"contractive", {7}, {"linear 9", "relu", "contractive 0.5", "linear 5"}, 1e-4},
      {"contractive", {7}, {"linear 9", "leaky-relu 0.1", "contractive 0.5", "linear 5"}, 1e-4},
      {"contractive", {7}, {"linear 9", "sigmoid", "contractive 0.5", "linear 5"}},
      {"contractive", {7}, {"linear 9", "tanh", "contractive 0.5", "linear 5"}},
      {"contractive", {7}, {"linear 9", "softplus", "contractive 0.5", "linear 5"}},
      {"contractive", {7}, {"linear 9", "soft-threshold 0.4", "contractive 0.5", "linear 5"}, 1e-4},
      {"contractive", {7}, {"linear 9", "threshold 0.4", "contractive 0.5", "linear 5"}, 1e-4},
      {"contractive", {7}, {"linear 9 name=w", "linear 7 tied=w", "tanh", "contractive 0.5"}},
      // They combine.
      {"kl", {7}, {"linear 9", "sigmoid", "contractive 0.2", "l1 0.1", "kl 0.1 2", "linear 5"}},
      {"add", {7}, {"linear 9 name=a", "tanh name=b", "linear 9 name=c", "add from=a,b,c", "linear 3"}},
  };
  return cases;
}

double gradient_error(const GradientCase& gradient_case) {
  Probe probe(gradient_case);
  const std::vector<float> gradient = probe.gradient();
  double worst = 0;
  for (const ParameterInfo& parameter : probe.network().layout().parameters()) {
    if (parameter.keep || !parameter.learns) continue;  // a statistic has no derivative
    for (int d = 0; d < kDirections; ++d) {
      std::vector<float> direction(static_cast<size_t>(parameter.size));
      double expected = 0;
      double scale = 0;
      for (size_t i = 0; i < direction.size(); ++i) {
        direction[i] = probe.random().normal();
        const double g = static_cast<double>(gradient[static_cast<size_t>(parameter.offset) + i]);
        expected += g * static_cast<double>(direction[i]);
        scale += g * g;
      }
      const double error = std::fabs(probe.difference(parameter, direction, gradient_case.step) - expected);
      worst = std::max(worst, error / std::max(std::sqrt(scale), 1e-3));
    }
  }
  return worst;
}

}  // namespace lockstep::nn
