// Update rules against their formulas, in double precision, over several steps.
#include "lockstep/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "support/expect.h"
#include "support/values.h"

namespace lockstep::optim {
namespace {

constexpr int64_t kCount = 1000;
constexpr int64_t kSteps = 12;

std::vector<float> gradient_of(int64_t step) {
  return test::random_values(kCount, static_cast<uint32_t>(100 + step), -2, 2);
}

double rate_of(int64_t step) { return 0.1 / (1 + 0.1 * static_cast<double>(step)); }

// One parameter and the optimizer's two numbers for it.
struct Element {
  double w = 0;
  double first = 0;
  double second = 0;
};

using Rule = std::function<void(Element& e, double gradient, double rate, int64_t step)>;

double norm(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(squares);
}

void expect_rule(const Options& options, const Rule& rule) {
  const auto optimizer = make_optimizer(options, kCount);
  std::vector<float> parameters = test::random_values(kCount, 1);
  std::vector<Element> expected(kCount);
  for (size_t i = 0; i < kCount; ++i) expected[i].w = static_cast<double>(parameters[i]);
  for (int64_t step = 0; step < kSteps; ++step) {
    const std::vector<float> gradient = gradient_of(step);
    optimizer->update(0, kCount, gradient.data(), rate_of(step), step, parameters.data());
    for (size_t i = 0; i < kCount; ++i) {
      rule(expected[i], static_cast<double>(gradient[i]), rate_of(step), step);
      ASSERT_NEAR(static_cast<double>(parameters[i]), expected[i].w, 2e-6 * (1 + std::fabs(expected[i].w)))
          << "parameter " << i << " after step " << step;
    }
  }
}

Options sgd(double momentum, bool nesterov, double decay) {
  Options options;
  options.optimizer = "sgd";
  options.momentum = momentum;
  options.nesterov = nesterov;
  options.weight_decay = decay;
  return options;
}

Options adam(const std::string& name, double decay) {
  Options options;
  options.optimizer = name;
  options.weight_decay = decay;
  options.beta1 = 0.8;
  options.beta2 = 0.95;
  options.epsilon = 1e-3;
  return options;
}

TEST(Sgd, FollowsTheGradient) {
  expect_rule(sgd(0, false, 0), [](Element& e, double g, double rate, int64_t) { e.w -= rate * g; });
}

TEST(Sgd, AddsTheDecayToTheGradient) {
  expect_rule(sgd(0, false, 0.3),
              [](Element& e, double g, double rate, int64_t) { e.w -= rate * (g + 0.3 * e.w); });
}

TEST(Sgd, WithMomentumFollowsTheVelocity) {
  expect_rule(sgd(0.9, false, 0.02), [](Element& e, double g, double rate, int64_t) {
    e.first = 0.9 * e.first + g + 0.02 * e.w;
    e.w -= rate * e.first;
  });
}

TEST(Sgd, WithNesterovsMomentumLooksAhead) {
  expect_rule(sgd(0.9, true, 0.02), [](Element& e, double g, double rate, int64_t) {
    const double decayed = g + 0.02 * e.w;
    e.first = 0.9 * e.first + decayed;
    e.w -= rate * (decayed + 0.9 * e.first);
  });
}

void adam_moments(Element& e, double g) {
  e.first = 0.8 * e.first + 0.2 * g;
  e.second = 0.95 * e.second + 0.05 * g * g;
}

double adam_step(const Element& e, int64_t step) {
  const double t = static_cast<double>(step + 1);
  const double mean = e.first / (1 - std::pow(0.8, t));
  const double square = e.second / (1 - std::pow(0.95, t));
  return mean / (std::sqrt(square) + 1e-3);
}

TEST(Adam, CorrectsItsMomentsForTheirStart) {
  expect_rule(adam("adam", 0), [](Element& e, double g, double rate, int64_t step) {
    adam_moments(e, g);
    e.w -= rate * adam_step(e, step);
  });
}

TEST(Adam, AddsTheDecayToTheGradient) {
  expect_rule(adam("adam", 0.1), [](Element& e, double g, double rate, int64_t step) {
    adam_moments(e, g + 0.1 * e.w);
    e.w -= rate * adam_step(e, step);
  });
}

TEST(AdamW, DecaysApartFromTheGradient) {
  expect_rule(adam("adamw", 0.1), [](Element& e, double g, double rate, int64_t step) {
    adam_moments(e, g);
    e.w = e.w - rate * 0.1 * e.w - rate * adam_step(e, step);
  });
}

// --- by layers: with kCount numbers for a layer ---

double norm_of(const std::vector<Element>& layer, const std::function<double(const Element&)>& number) {
  double squares = 0;
  for (const Element& e : layer) squares += number(e) * number(e);
  return std::sqrt(squares);
}

// As expect_rule(), of a rule for a whole layer.
void expect_layer_rule(
    const Options& options,
    const std::function<void(std::vector<Element>& layer, const std::vector<float>& gradient, double rate,
                             int64_t step)>& rule) {
  const auto optimizer = make_optimizer(options, kCount);
  ASSERT_TRUE(optimizer->by_layers());
  std::vector<float> parameters = test::random_values(kCount, 1);
  std::vector<Element> expected(kCount);
  for (size_t i = 0; i < kCount; ++i) expected[i].w = static_cast<double>(parameters[i]);
  for (int64_t step = 0; step < kSteps; ++step) {
    std::vector<float> direction = gradient_of(step);
    rule(expected, direction, rate_of(step), step);
    optimizer->direct(0, kCount, direction.data(), step, parameters.data());
    const double trust = optimizer->trust(norm(parameters), norm(direction));
    optimizer->update(0, kCount, direction.data(), trust * rate_of(step), step, parameters.data());
    for (size_t i = 0; i < kCount; ++i) ASSERT_NEAR(parameters[i], expected[i].w, 1e-5) << "step " << step;
  }
}

Options lars() {
  Options options = sgd(0.9, false, 0.02);
  options.optimizer = "lars";
  options.trust = 0.01;
  return options;
}

TEST(Lars, MovesEachLayerInProportionToItsWeights) {
  expect_layer_rule(
      lars(), [](std::vector<Element>& layer, const std::vector<float>& gradient, double rate, int64_t) {
        const double w = norm_of(layer, [](const Element& e) { return e.w; });
        const double local = 0.01 * w / (norm(gradient) + 0.02 * w);
        for (size_t i = 0; i < layer.size(); ++i) {
          Element& e = layer[i];
          e.first = 0.9 * e.first + rate * local * (static_cast<double>(gradient[i]) + 0.02 * e.w);
          e.w -= e.first;
        }
      });
}

TEST(Lamb, MovesEachLayerAsFarAsItsWeightsAreLong) {
  expect_layer_rule(adam("lamb", 0.1), [](std::vector<Element>& layer, const std::vector<float>& gradient,
                                          double rate, int64_t step) {
    for (size_t i = 0; i < layer.size(); ++i) adam_moments(layer[i], static_cast<double>(gradient[i]));
    const auto direction = [step](const Element& e) { return adam_step(e, step) + 0.1 * e.w; };
    const double w = norm_of(layer, [](const Element& e) { return e.w; });
    const double length = norm_of(layer, direction);
    for (Element& e : layer) e.w -= rate * w / length * direction(e);
  });
}

// Biases begin at 0, and would stay there if their norm decided.
TEST(ByLayers, ALayerOfZerosMoves) {
  EXPECT_EQ(make_optimizer(lars(), kCount)->trust(0, 3), 0.01);
  EXPECT_EQ(make_optimizer(adam("lamb", 0), kCount)->trust(0, 3), 1);
  EXPECT_EQ(make_optimizer(adam("lamb", 0), kCount)->trust(2, 0), 1);
}

// An element's update depends on that element alone: any cut into ranges gives the same bits.
TEST(Optimizers, UpdateRangesAsTheyUpdateTheWhole) {
  for (const Options& options : {sgd(0, false, 0.1), sgd(0.9, false, 0.1), sgd(0.9, true, 0),
                                 adam("adam", 0.1), adam("adamw", 0.1), lars(), adam("lamb", 0.1)}) {
    const auto whole = make_optimizer(options, kCount);
    const auto parts = make_optimizer(options, kCount);
    std::vector<float> a = test::random_values(kCount, 1);
    std::vector<float> b = a;
    for (int64_t step = 0; step < 3; ++step) {
      const std::vector<float> gradient = gradient_of(step);
      whole->update(0, kCount, gradient.data(), 0.1, step, a.data());
      for (int64_t begin = 0; begin < kCount; begin += 77) {
        parts->update(begin, std::min<int64_t>(77, kCount - begin), gradient.data() + begin, 0.1, step,
                      b.data());
      }
    }
    EXPECT_TRUE(test::same_bits(a, b)) << options.optimizer;
  }
}

TEST(Optimizers, TouchNothingOutsideTheirRange) {
  for (const Options& options : {sgd(0.9, true, 0.1), adam("adamw", 0.1)}) {
    const auto optimizer = make_optimizer(options, kCount);
    const std::vector<float> before = test::random_values(kCount, 1);
    std::vector<float> after = before;
    optimizer->update(300, 100, gradient_of(0).data(), 0.1, 0, after.data());
    for (size_t i = 0; i < kCount; ++i) {
      const bool inside = i >= 300 && i < 400;
      EXPECT_EQ(after[i] != before[i], inside) << i;
      for (const Slot& slot : optimizer->slots()) EXPECT_EQ(slot.values.data()[i] != 0, inside) << i;
    }
  }
}

TEST(Optimizers, HaveTheSlotsThatTheyNeed) {
  const auto names = [](const Options& options) {
    std::vector<std::string> result;
    const auto optimizer = make_optimizer(options, kCount);
    for (const Slot& slot : optimizer->slots()) {
      EXPECT_EQ(slot.values.size(), kCount);
      result.push_back(slot.name);
    }
    return result;
  };
  EXPECT_EQ(names(sgd(0, false, 0)), std::vector<std::string>());
  EXPECT_EQ(names(sgd(0.5, false, 0)), std::vector<std::string>{"momentum"});
  EXPECT_EQ(names(adam("adam", 0)), (std::vector<std::string>{"mean", "square"}));
  EXPECT_EQ(names(adam("adamw", 0)), (std::vector<std::string>{"mean", "square"}));
  EXPECT_EQ(names(adam("lamb", 0)), (std::vector<std::string>{"mean", "square"}));
  EXPECT_EQ(names(lars()), std::vector<std::string>{"momentum"});
}

TEST(Optimizers, NesterovWithoutMomentumIsAnError) {
  test::expect_usage_error([] { make_optimizer(sgd(0, true, 0), kCount); }, {"nesterov", "momentum above 0"});
}

TEST(Optimizers, ANanInTheGradientReachesTheParameter) {
  for (const Options& options : {sgd(0, false, 0), sgd(0.9, true, 0), adam("adam", 0)}) {
    std::vector<float> parameters(kCount, 1.0f);
    std::vector<float> gradient(kCount, 1.0f);
    gradient[5] = std::nanf("");
    make_optimizer(options, kCount)->update(0, kCount, gradient.data(), 0.1, 0, parameters.data());
    for (size_t i = 0; i < kCount; ++i) EXPECT_EQ(std::isnan(parameters[i]), i == 5);
  }
}

}  // namespace
}  // namespace lockstep::optim
