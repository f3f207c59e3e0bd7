// Batch normalisation over a minibatch whose microbatches go side by side: against the whole in double
// precision, and against the same samples in one microbatch.
#include "lockstep/nn/together.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "small_network.h"

namespace lockstep::nn {
namespace {

// A network with a minibatch that is cut; sample n of feature f is the same however that is.
class Cut {
 public:
  Cut(const Shape& input, const std::vector<std::string>& lines, const std::vector<int64_t>& samples)
      : network(input, lines_of(lines), {"he"}), parameters_(static_cast<size_t>(network.layout().floats())) {
    network.initialise(1, parameters_.data());
    const Values more = test::random_values(static_cast<int64_t>(parameters_.size()), 3);
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i] += 0.1f * more[i];
    minibatch_ = std::accumulate(samples.begin(), samples.end(), int64_t{0});
    int64_t first = 0;
    for (const int64_t count : samples) {
      Pass pass;
      pass.samples = count;
      pass.columns = kernels::columns_for(count);
      pass.minibatch = minibatch_;
      pass.training = true;
      pass.together = true;
      pass.first_sample = static_cast<uint32_t>(first);
      workspaces_.push_back(network.workspace(pass.columns));
      gradients_.emplace_back(parameters_.size());
      members_.push_back({pass, nullptr, nullptr, nullptr});
      first += count;
    }
    for (size_t m = 0; m < members_.size(); ++m) {
      members_[m].workspace = &workspaces_[m];
      members_[m].gradient = gradients_[m].data();
    }
    company_.for_each = [this](const auto& task) {
      for (size_t m = members_.size(); m-- > 0;) task(m);
    };
    company_.sum = [this](std::span<const double> terms) {
      ++meetings;
      std::vector<double> sums(terms.size() / members_.size());
      for (size_t i = 0; i < terms.size(); ++i) sums[i % sums.size()] += terms[i];
      return meetings == fails_at ? std::nullopt : std::optional(sums);
    };
  }

  static float input_value(int64_t feature, int64_t sample) {
    return 2 + static_cast<float>(
                   std::sin(static_cast<double>(7 * feature + 13 * sample * sample + feature * sample)));
  }
  static float delta_value(int64_t feature, int64_t sample) {
    return static_cast<float>(std::cos(static_cast<double>(3 * feature + 5 * sample + feature * sample)));
  }

  bool fprop() {
    fill(network.input_shape().size(), input_value, [](Workspace& w) { return w.input(); });
    return network.fprop_together(parameters_.data(), members_, company_);
  }
  bool backward() {
    fill(network.output_shape().size(), delta_value, [](Workspace& w) { return w.output_delta(); });
    return network.backward_together(parameters_.data(), members_, company_);
  }
  // Features x samples of the minibatch.
  Values output() {
    Values result;
    for (int64_t f = 0; f < network.output_shape().size(); ++f) {
      for (const Member& m : members_) {
        for (int64_t n = 0; n < m.pass.samples; ++n)
          result.push_back(m.workspace->output()[f * m.pass.columns + n]);
      }
    }
    return result;
  }
  Values gradient() const {
    Values sum(parameters_.size());
    for (const Values& gradient : gradients_) {
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += gradient[i];
    }
    return sum;
  }
  Values part(const Values& arena, const std::string& layer, const std::string& name) const {
    for (const ParameterInfo& p : network.layout().parameters()) {
      if (p.layer == layer && p.name == name)
        return {arena.begin() + p.offset, arena.begin() + p.offset + p.size};
    }
    return {};
  }
  const Values& parameters() const { return parameters_; }

  Network network;
  int meetings = 0;
  int fails_at = 0;

 private:
  template <class Value, class Where>
  void fill(int64_t features, const Value& value, const Where& where) {
    for (Member& m : members_) {
      for (int64_t f = 0; f < features; ++f) {
        for (int64_t n = 0; n < m.pass.columns; ++n) {
          where(*m.workspace)[f * m.pass.columns + n] =
              n < m.pass.samples ? value(f, static_cast<int64_t>(m.pass.first_sample) + n) : 0.0f;
        }
      }
    }
  }

  Values parameters_;
  int64_t minibatch_ = 0;
  std::vector<Workspace> workspaces_;
  std::vector<Values> gradients_;
  std::vector<Member> members_;
  Company company_;
};

const std::vector<std::vector<int64_t>> kCuts = {{29}, {16, 13}, {8, 8, 8, 5}, {1, 27, 1}};

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta of all 29 samples, its derivatives by gamma and
// beta, and what the running statistics move to, straight from the formulas.
TEST(Together, NormalisesOverTheWholeMinibatch) {
  constexpr int64_t kSamples = 29;
  constexpr int64_t kPositions = 6;
  for (const auto& samples : kCuts) {
    Cut cut({3, 2, 3}, {"batchnorm statistics=minibatch epsilon=0.01"}, samples);
    ASSERT_TRUE(cut.fprop());
    const Values output = cut.output();
    ASSERT_TRUE(cut.backward());
    const Values gradient = cut.gradient();
    const auto found = [&](const char* name, int64_t c) {
      return static_cast<double>(cut.part(gradient, "batchnorm1", name)[static_cast<size_t>(c)]);
    };
    const auto parameter = [&](const char* name, int64_t c) {
      return static_cast<double>(cut.part(cut.parameters(), "batchnorm1", name)[static_cast<size_t>(c)]);
    };
    const double count = kSamples * kPositions;
    for (int64_t c = 0; c < 3; ++c) {
      const auto for_each = [&](const auto& visit) {
        for (int64_t f = c * kPositions; f < (c + 1) * kPositions; ++f) {
          for (int64_t n = 0; n < kSamples; ++n)
            visit(static_cast<double>(Cut::input_value(f, n)), static_cast<double>(Cut::delta_value(f, n)),
                  static_cast<size_t>(f * kSamples + n));
        }
      };
      double mean = 0;
      double variance = 0;
      for_each([&](double x, double, size_t) { mean += x / count; });
      for_each([&](double x, double, size_t) { variance += (x - mean) * (x - mean) / count; });
      double sum = 0;
      double dot = 0;
      for_each([&](double x, double delta, size_t at) {
        const double normalised = (x - mean) / std::sqrt(variance + 0.01);
        sum += delta;
        dot += delta * normalised;
        EXPECT_NEAR(static_cast<double>(output[at]),
                    parameter("weights", c) * normalised + parameter("bias", c), 2e-6);
      });
      EXPECT_NEAR(found("weights", c), dot, 2e-5);
      EXPECT_NEAR(found("bias", c), sum, 2e-5);
      EXPECT_NEAR(found("running-mean", c), mean, 2e-6);
      EXPECT_NEAR(found("running-variance", c), variance * count / (count - 1), 2e-6);
    }
  }
}

// The derivative through the statistics too: as if all samples were in one microbatch, which is checked
// elsewhere.
TEST(Together, AnyCutIsOneMicrobatch) {
  const auto lines = [](const std::string& batchnorm) -> std::vector<std::string> {
    return {"conv 4 kernel=2 name=stem",
            "tanh",
            batchnorm + " name=first",
            "conv 4 kernel=1 name=branch",
            batchnorm + " name=second",
            "add from=first,second",
            "linear 5",
            batchnorm + " name=last"};
  };
  Cut whole({2, 3, 4}, lines("batchnorm"), {29});
  ASSERT_TRUE(whole.fprop() && whole.backward());
  EXPECT_EQ(whole.meetings, 0);
  for (const auto& samples : kCuts) {
    Cut cut({2, 3, 4}, lines("batchnorm statistics=minibatch"), samples);
    ASSERT_TRUE(cut.fprop());
    EXPECT_EQ(cut.meetings, 3);
    const Values output = cut.output();
    ASSERT_TRUE(cut.backward());
    EXPECT_EQ(cut.meetings, 6);
    EXPECT_EQ(cut.network.sums_of_a_step(), (std::vector<int64_t>{8, 8, 10, 10, 8, 8}));
    whole.fprop();
    const Values expected = whole.output();
    for (size_t i = 0; i < output.size(); ++i) ASSERT_NEAR(output[i], expected[i], 2e-5f);
    const Values gradient = cut.gradient();
    const Values expected_gradient = whole.gradient();
    for (size_t i = 0; i < gradient.size(); ++i)
      ASSERT_NEAR(gradient[i], expected_gradient[i], 1e-4f) << i << " of " << samples.size();
  }
}

TEST(Together, EndsWhereTheSumsDo) {
  Cut cut({4, 1, 1}, {"linear 5", "batchnorm statistics=minibatch", "linear 3"}, {3, 2});
  cut.fails_at = 1;
  EXPECT_FALSE(cut.fprop());
  cut.fails_at = 3;
  EXPECT_TRUE(cut.fprop());
  EXPECT_FALSE(cut.backward());
}

// Nobody asks for what constants would give, or for a derivative that nothing before it needs.
TEST(Together, MeetsOnlyWhereSumsAreNeeded) {
  const auto sums = [](const std::vector<std::string>& lines) {
    return Network({4, 1, 1}, lines_of(lines), {"he"}).sums_of_a_step();
  };
  EXPECT_EQ(sums({"batchnorm", "linear 3"}), std::vector<int64_t>());
  EXPECT_EQ(sums({"batchnorm statistics=minibatch", "linear 3"}), std::vector<int64_t>{8});
  EXPECT_EQ(sums({"linear 5", "batchnorm statistics=minibatch learn=no", "linear 3"}),
            std::vector<int64_t>());
}

}  // namespace
}  // namespace lockstep::nn
