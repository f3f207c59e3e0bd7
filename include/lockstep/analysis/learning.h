// What features are learned by, and the ways that need no network.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lockstep/analysis/kmeans.h"
#include "lockstep/core/options.h"

namespace lockstep::analysis {

enum class Learner { kKMeans, kRandomPatches, kRandomVectors, kAutoencoder, kRica };

struct LearningOptions {
  Learner learner = Learner::kKMeans;
  int64_t count = 0;       // of features
  int64_t iterations = 0;  // K-means: at most
  int64_t epochs = 0;      // networks
  double rate = 0;         // likewise
  double lambda = 0;       // reconstruction ICA

  bool is_network() const { return learner == Learner::kAutoencoder || learner == Learner::kRica; }
};

// "kmeans 400 iterations=50", "random-patches 400", "random-vectors 400", "autoencoder 400 epochs=10
// rate=0.001" or "rica 400 lambda=0.1 epochs=10 rate=0.001". Usage errors name the origin, what was found and
// what fits.
LearningOptions learning_options(const std::string& line, const std::string& origin);

// Collective. Centres from patches, by a learner that is no network: those of K-means; patches that the seed
// picks, no two the same one; or vectors of normal numbers, scaled to the patches' length (the root of the
// mean square). Fails (usage) where there are fewer patches than centres. `watch` as of k_means().
Rows learn_centres(const Team& team, const Rows& patches, const LearningOptions& options, uint64_t seed,
                   const std::function<void(const KMeansStep&)>& watch = nullptr);

// What trains a network on patches of so many values: its layers, of which one is named "code", and what goes
// with them (loss, optimizer, batch size); seed, threads and how to reduce are the run's. An autoencoder has
// sigmoid units and tied weights; reconstruction ICA is |W^T W z - z|^2 + lambda |W z|_1 (Le et al. 2011,
// "ICA with reconstruction cost for efficient overcomplete feature learning").
Options network_options(const Options& run, const LearningOptions& learning, int64_t values);

}  // namespace lockstep::analysis
