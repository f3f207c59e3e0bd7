#include "lockstep/analysis/learning.h"

#include <algorithm>
#include <cmath>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/near.h"
#include "lockstep/core/random.h"
#include "lockstep/data/permutation.h"
#include "lockstep/nn/layer_line.h"

namespace lockstep::analysis {

namespace {

struct NamedLearner {
  const char* name;
  Learner learner;
};

constexpr NamedLearner kLearners[] = {{"kmeans", Learner::kKMeans},
                                      {"random-patches", Learner::kRandomPatches},
                                      {"random-vectors", Learner::kRandomVectors},
                                      {"autoencoder", Learner::kAutoencoder},
                                      {"rica", Learner::kRica}};

Learner learner_of(const nn::LayerArguments& arguments) {
  std::vector<std::string> names;
  for (const NamedLearner& known : kLearners) {
    if (arguments.type() == known.name) return known.learner;
    names.emplace_back(known.name);
  }
  arguments.complain("there is no learner '" + arguments.type() + "'; " +
                     suggestion(arguments.type(), names));
}

void append(Rows& rows, std::span<const float> row) {
  rows.values.insert(rows.values.end(), row.begin(), row.end());
}

Rows some_patches(const Rows& patches, int64_t count, uint64_t seed) {
  Rows chosen{count, patches.width, {}};
  const data::Permutation places(seed, 0, patches.count);
  for (int64_t k = 0; k < count; ++k) append(chosen, patches.row(places(k)));
  return chosen;
}

Rows normal_vectors(const Rows& patches, int64_t count, uint64_t seed) {
  double squares = 0;
  for (const float value : patches.values) squares += static_cast<double>(value) * static_cast<double>(value);
  const double size = std::sqrt(squares / static_cast<double>(patches.values.size()));
  Rows vectors{count, patches.width, {}};
  for (int64_t k = 0; k < count; ++k) {
    RandomStream stream(seed, Purpose::kCentres, static_cast<uint32_t>(k));
    for (int64_t i = 0; i < patches.width; ++i)
      vectors.values.push_back(static_cast<float>(size) * stream.normal());
  }
  return vectors;
}

}  // namespace

LearningOptions learning_options(const std::string& line, const std::string& origin) {
  nn::LayerArguments arguments({line, origin}, 0, {}, {"learner", "kmeans 400"});
  LearningOptions options;
  options.learner = learner_of(arguments);
  options.count = arguments.leading_whole("count", 1);
  if (options.learner == Learner::kKMeans) options.iterations = arguments.whole("iterations", 0, 50);
  if (options.learner == Learner::kRica) options.lambda = arguments.real("lambda", 0, 1e9, 0.1);
  if (options.is_network()) {
    options.epochs = arguments.whole("epochs", 1, 10);
    options.rate = arguments.real("rate", 0, 1e9, 1e-3);
  }
  arguments.finish();
  return options;
}

Rows learn_centres(const Team& team, const Rows& patches, const LearningOptions& options, uint64_t seed,
                   const std::function<void(const KMeansStep&)>& watch) {
  if (options.learner == Learner::kKMeans) {
    KMeans found =
        k_means(team, patches, spread_centres(team, patches, options.count, seed), options.iterations, watch);
    return {options.count, patches.width, std::move(found.centres)};
  }
  if (options.learner == Learner::kRandomVectors) return normal_vectors(patches, options.count, seed);
  if (options.count > patches.count) {
    throw comm::AgreedError(text(options.count, " patches cannot be picked from ", patches.count,
                                 "; take that many or fewer, or more patches"),
                            Failure::kUsage);
  }
  return some_patches(patches, options.count, seed);
}

Options network_options(const Options& run, const LearningOptions& learning, int64_t values) {
  Options options;  // what the run says of its classifier is not for this network
  options.seed = run.seed;
  options.threads = run.threads;
  options.in_memory = run.in_memory;
  options.precision = run.precision;
  options.reduction = run.reduction;
  const auto add = [&](const std::string& line) { options.layers.push_back({line, run.origin("learn")}); };
  if (learning.learner == Learner::kRica) {
    add(text("linear ", learning.count, " bias=no name=code"));
    add(text("l1 ", learning.lambda / 2));  // the squared loss is half of the squared distance
    add(text("linear ", values, " tied=code bias=no"));
  } else {
    add(text("linear ", learning.count, " name=hidden"));
    add("sigmoid name=code");
    add(text("linear ", values, " tied=hidden"));
  }
  options.target = "input";
  options.loss = "squared";
  options.optimizer = "adam";
  options.learning_rate = learning.rate;
  options.epochs = learning.epochs;
  options.batch_size = 128;
  options.microbatch = 64;
  return options;
}

}  // namespace lockstep::analysis
