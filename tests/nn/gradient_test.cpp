// Each layer by itself: its derivatives against central differences of a random linear function of its
// output.
#include <gtest/gtest.h>

#include <cmath>

#include "gradient_cases.h"
#include "layer_under_test.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

TEST(LayerCases, CoverEveryLayerOfTheTable) {
  for (const LayerType& type : layer_table()) {
    const auto& cases = layer_cases();
    const bool covered = std::any_of(cases.begin(), cases.end(), [&](const LayerCase& c) {
      return c.line.substr(0, c.line.find(' ')) == type.name;
    });
    EXPECT_TRUE(covered) << "layer '" << type.name << "' has no case in tests/nn/gradient_cases.cpp";
  }
}

// Spreads the inputs, and keeps them away from where the derivative does not exist.
void arrange(Inputs kind, std::vector<Values>& inputs) {
  for (size_t k = 0; k < inputs.size(); ++k) {
    Values& input = inputs[k];
    if (kind == Inputs::kDistant) {
      input = test::distant_values(static_cast<int64_t>(input.size()), static_cast<uint32_t>(k), 0.05f);
    } else if (kind == Inputs::kAwayFromZero) {
      for (float& x : input) x += x < 0 ? -0.1f : 0.1f;
    } else if (kind == Inputs::kUnit) {
      for (float& x : input) x = 0.5f + 0.4f * x;
    } else {
      for (float& x : input) x *= 3;
    }
  }
}

class Gradient : public ::testing::TestWithParam<LayerCase> {
 protected:
  static constexpr int64_t kSamples = 5;

  Gradient() : layer_(GetParam().line, GetParam().inputs, kSamples, 0, {}, GetParam().above) {
    arrange(GetParam().values, layer_.inputs());
    delta_ = layer_.output_delta();
    for (const Values& input : layer_.inputs()) deltas_.emplace_back(input.size(), 1e9f);
    for (const Values& parameter : layer_.parameters()) gradients_.emplace_back(parameter.size(), 1e9f);
  }

  // The derivative of <delta, output>, and of the layer's penalty, with respect to one number.
  double quotient(float& x) {
    const float before = x;
    const float high = before + GetParam().step;
    const float low = before - GetParam().step;
    x = high;
    const Values above = layer_.fprop();
    const double penalty_above = layer_.penalty();
    x = low;
    const Values below = layer_.fprop();
    x = before;
    double difference = (penalty_above - layer_.penalty()) / static_cast<double>(layer_.pass().minibatch);
    // Summed from differences, so that what x does not reach adds no rounding.
    for (size_t i = 0; i < delta_.size(); ++i) {
      difference +=
          static_cast<double>(delta_[i]) * (static_cast<double>(above[i]) - static_cast<double>(below[i]));
    }
    return difference / (static_cast<double>(high) - static_cast<double>(low));
  }

  void expect_derivative(float& x, float found, const std::string& what) {
    const double expected = quotient(x);
    ASSERT_NEAR(static_cast<double>(found), expected, 2e-4 + 5e-4 * std::fabs(expected)) << what;
  }

  LayerUnderTest layer_;
  Values delta_;
  std::vector<Values> deltas_;
  std::vector<Values> gradients_;
};

INSTANTIATE_TEST_SUITE_P(Layers, Gradient, ::testing::ValuesIn(layer_cases()));

TEST_P(Gradient, OfTheInputsIsTheirCentralDifference) {
  layer_.fprop();
  layer_.backward(delta_, false, deltas_, gradients_);
  for (size_t k = 0; k < deltas_.size(); ++k) {
    for (size_t i = 0; i < deltas_[k].size(); ++i) {
      if (!layer_.is_sample(i)) {
        EXPECT_EQ(deltas_[k][i], 0) << "beyond the samples, input " << k << ", number " << i;
        continue;
      }
      expect_derivative(layer_.inputs()[k][i], deltas_[k][i], text("input ", k, ", number ", i));
    }
  }
}

TEST_P(Gradient, OfTheParametersIsTheirCentralDifference) {
  layer_.fprop();
  layer_.backward(delta_, false, deltas_, gradients_);
  const std::vector<ParameterSpec> specs = layer_.layer().parameters();
  for (size_t p = 0; p < gradients_.size(); ++p) {
    if (specs[p].keep) continue;  // a statistic has no derivative
    for (size_t i = 0; i < gradients_[p].size(); ++i) {
      expect_derivative(layer_.parameters()[p][i], gradients_[p][i], text("parameter ", p, ", number ", i));
    }
  }
}

TEST_P(Gradient, IsAddedToWhatIsThereWhereThatIsAskedFor) {
  layer_.fprop();
  layer_.backward(delta_, false, deltas_, gradients_);
  const auto with_two_more = [](std::vector<Values> all) {
    for (Values& values : all) {
      for (float& value : values) value += 2;
    }
    return all;
  };
  std::vector<Values> deltas;
  std::vector<Values> gradients;
  for (const Values& values : deltas_) deltas.emplace_back(values.size(), 2.0f);
  for (const Values& values : gradients_) gradients.emplace_back(values.size(), 2.0f);
  layer_.backward(delta_, true, deltas, gradients);
  const auto expect_equal = [](const std::vector<Values>& found, const std::vector<Values>& expected) {
    for (size_t k = 0; k < found.size(); ++k) {
      for (size_t i = 0; i < found[k].size(); ++i) {
        ASSERT_NEAR(found[k][i], expected[k][i], 1e-5f * (1 + std::fabs(expected[k][i])));
      }
    }
  };
  expect_equal(deltas, with_two_more(deltas_));
  expect_equal(gradients, with_two_more(gradients_));
}

TEST_P(Gradient, GivesTheSameBitsAgain) {
  const Values output = layer_.fprop();
  layer_.backward(delta_, false, deltas_, gradients_);
  const std::vector<Values> deltas = deltas_;
  const std::vector<Values> gradients = gradients_;
  EXPECT_TRUE(test::same_bits(layer_.fprop(), output));
  layer_.backward(delta_, false, deltas_, gradients_);
  for (size_t k = 0; k < deltas.size(); ++k) EXPECT_TRUE(test::same_bits(deltas_[k], deltas[k]));
  for (size_t p = 0; p < gradients.size(); ++p) EXPECT_TRUE(test::same_bits(gradients_[p], gradients[p]));
}

// <y, P x> = <P^T y, x> for the layers whose output is P x plus what does not depend on x.
TEST(Adjoint, OfLayersThatAreLinearInTheirInput) {
  for (const char* line :
       {"conv 4 kernel=3 stride=2 pad=1", "deconv 4 kernel=3 stride=2 pad=1", "subsample 3 stride=2",
        "avgpool 2", "avgpool 3 stride=2 edge=keep", "globalavgpool", "dropout 0.3"}) {
    LayerUnderTest layer(line, {{3, 8, 9}}, 16);
    for (size_t p = 1; p < layer.parameters().size(); ++p) {
      std::fill(layer.parameters()[p].begin(), layer.parameters()[p].end(), 0.0f);  // the bias
    }
    const Values delta = layer.output_delta();
    const Values output = layer.fprop();
    std::vector<Values> deltas = {Values(layer.inputs()[0].size())};
    std::vector<Values> gradients = layer.parameters();
    layer.backward(delta, false, deltas, gradients);
    EXPECT_NEAR(dot(delta, output), dot(deltas[0], layer.inputs()[0]), 1e-6 * dot(delta, delta)) << line;
  }
}

}  // namespace
}  // namespace lockstep::nn
