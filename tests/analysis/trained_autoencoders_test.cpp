// Autoencoders trained on generated data end where mathematics says.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "lockstep/analysis/dense_chain.h"
#include "lockstep/kernels/linear_algebra.h"
#include "support/signals.h"
#include "train/small_run.h"

namespace lockstep::analysis {
namespace {

using Vector = std::vector<double>;

// Rows of samples, one after the other.
struct Samples {
  int64_t width;
  Vector values;

  int64_t count() const { return static_cast<int64_t>(values.size()) / width; }
  double at(int64_t n, int64_t i) const { return values[static_cast<size_t>(n * width + i)]; }
};

data::Dataset dataset_of(const Samples& samples) {
  auto split = std::make_unique<train::FloatSplit>(samples.count(), samples.width, 1, 1);
  split->values.assign(samples.values.begin(), samples.values.end());
  data::Dataset dataset;
  dataset.name = "generated";
  dataset.digest = "0";
  dataset.info.sample_dims = {samples.width};
  dataset.info.type = io::Type::kFloat32;
  dataset.train = std::move(split);
  return dataset;
}

Options autoencoder(const std::vector<std::string>& lines) {
  Options options;
  for (const std::string& line : lines) options.layers.push_back({line, "a test"});
  options.target = "input";
  options.loss = "squared";
  options.optimizer = "adam";
  options.schedule = "cosine";
  return options;
}

class Trained {
 public:
  Trained(const Options& options, const Samples& samples) : run_(options, 1, dataset_of(samples)) {
    run_.trainer.run(test::stop_signals(), nullptr);
  }

  const nn::Network& network() const { return run_.trainer.model().network; }
  DenseChain chain() const { return DenseChain::of(network(), run_.trainer.parameters()).value(); }
  // The squared error of a sample, in the mean.
  double error() { return run_.trainer.evaluate(*run_.dataset.train).error; }
  Vector weights(const std::string& layer) const {
    for (const ParameterInfo& p : network().layout().parameters()) {
      const float* begin = run_.trainer.parameters() + p.offset;
      if (p.layer == layer && p.name == "weights") return {begin, begin + p.size};
    }
    fail("no weights of ", layer);
  }

 private:
  train::SmallRun run_;
};

Vector product(bool transpose_a, int64_t m, int64_t n, int64_t k, const Vector& a, const Vector& b) {
  Vector c(static_cast<size_t>(m * n));
  kernels::multiply(transpose_a, m, n, k, a.data(), b.data(), c.data());
  return c;
}

// About the mean.
Vector covariance(const Samples& samples) {
  const int64_t d = samples.width;
  Vector mean(static_cast<size_t>(d));
  for (int64_t n = 0; n < samples.count(); ++n) {
    for (int64_t i = 0; i < d; ++i)
      mean[static_cast<size_t>(i)] += samples.at(n, i) / static_cast<double>(samples.count());
  }
  Vector centred = samples.values;
  for (size_t i = 0; i < centred.size(); ++i) centred[i] -= mean[i % mean.size()];
  Vector c = product(true, d, d, samples.count(), centred, centred);
  for (double& value : c) value /= static_cast<double>(samples.count());
  return c;
}

// A^-1 of a symmetric matrix with positive eigenvalues.
Vector inverse(int64_t n, const Vector& a) {
  const auto eigen = kernels::symmetric_eigen(n, a.data());
  Vector scaled = eigen.vectors;
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] /= eigen.values[i / static_cast<size_t>(n)];
  return product(true, n, n, n, eigen.vectors, scaled);
}

// Normal samples with deviations 2, 2 decay, 2 decay^2, ... along directions that are no axes.
Samples normal_samples(int64_t count, int64_t width, double decay) {
  Samples samples{width, {}};
  for (int64_t n = 0; n < count; ++n) {
    RandomStream random(1, Purpose::kTest, static_cast<uint32_t>(n), 77);
    Vector x(static_cast<size_t>(width));
    double deviation = 2;
    for (int64_t k = 0; k < width; ++k, deviation *= decay) {
      const double z = deviation * static_cast<double>(random.normal());
      // Columns of an orthogonal matrix: the discrete cosine transform.
      for (int64_t i = 0; i < width; ++i) {
        const double scale = std::sqrt((k == 0 ? 1.0 : 2.0) / static_cast<double>(width));
        const double angle = std::numbers::pi * (static_cast<double>(i) + 0.5) * static_cast<double>(k);
        x[static_cast<size_t>(i)] += z * scale * std::cos(angle / static_cast<double>(width));
      }
    }
    samples.values.insert(samples.values.end(), x.begin(), x.end());
  }
  return samples;
}

// --- linear autoencoders (Baldi, Hornik 1989) ---

constexpr int64_t kTrainedWidth = 8;
constexpr int64_t kTrainedUnits = 3;

Options linear_autoencoder(const std::string& decoder) {
  Options options = autoencoder({"linear 3 name=encode", decoder});
  options.batch_size = 512;
  options.microbatch = 64;
  options.steps = 3000;
  options.learning_rate = 0.02;
  return options;
}

// The largest angle between the span of the decoder's columns (kTrainedWidth x kTrainedUnits) and the leading
// eigenvectors.
double largest_angle(const Vector& decoder, const kernels::SymmetricEigen& pca) {
  Vector square(static_cast<size_t>(kTrainedWidth * kTrainedWidth));
  for (int64_t i = 0; i < kTrainedWidth; ++i) {
    for (int64_t j = 0; j < kTrainedWidth; ++j) {
      for (int64_t k = 0; k < kTrainedUnits; ++k) {
        square[static_cast<size_t>(i * kTrainedWidth + j)] +=
            decoder[static_cast<size_t>(i * kTrainedUnits + k)] *
            decoder[static_cast<size_t>(j * kTrainedUnits + k)];
      }
    }
  }
  // The rows of both are orthonormal bases; the cosines are the singular values of their products.
  const auto basis = kernels::symmetric_eigen(kTrainedWidth, square.data());
  Vector cosines(static_cast<size_t>(kTrainedUnits * kTrainedUnits));
  for (int64_t a = 0; a < kTrainedUnits; ++a) {
    for (int64_t b = 0; b < kTrainedUnits; ++b) {
      for (int64_t i = 0; i < kTrainedWidth; ++i) {
        cosines[static_cast<size_t>(a * kTrainedUnits + b)] +=
            basis.vectors[static_cast<size_t>(a * kTrainedWidth + i)] *
            pca.vectors[static_cast<size_t>(b * kTrainedWidth + i)];
      }
    }
  }
  const Vector squares = product(true, kTrainedUnits, kTrainedUnits, kTrainedUnits, cosines, cosines);
  return std::acos(
      std::sqrt(std::min(kernels::symmetric_eigen(kTrainedUnits, squares.data()).values.back(), 1.0)));
}

double discarded(const kernels::SymmetricEigen& pca) {
  double sum = 0;
  for (size_t k = kTrainedUnits; k < kTrainedWidth; ++k) sum += pca.values[k];
  return sum;
}

TEST(LinearAutoencoder, ReachesWhatPcaLeavesInItsSubspace) {
  const Samples samples = normal_samples(512, kTrainedWidth, 0.75);
  Trained trained(linear_autoencoder("linear 8 name=decode"), samples);
  const auto pca = kernels::symmetric_eigen(kTrainedWidth, covariance(samples).data());
  EXPECT_NEAR(trained.error() / discarded(pca), 1, 1e-3);
  EXPECT_LT(largest_angle(trained.weights("decode"), pca), 0.05);
}

TEST(LinearAutoencoder, WithTiedWeightsHasOrthonormalOnes) {
  const Samples samples = normal_samples(512, kTrainedWidth, 0.75);
  Trained trained(linear_autoencoder("linear 8 tied=encode"), samples);
  const auto pca = kernels::symmetric_eigen(kTrainedWidth, covariance(samples).data());
  EXPECT_NEAR(trained.error() / discarded(pca), 1, 1e-3);
  const Vector w = trained.weights("encode");  // 3 x 8
  Vector decoder(w.size());
  for (size_t k = 0; k < kTrainedUnits; ++k) {
    for (size_t i = 0; i < kTrainedWidth; ++i) decoder[i * kTrainedUnits + k] = w[k * kTrainedWidth + i];
  }
  EXPECT_LT(largest_angle(decoder, pca), 0.05);
  const Vector gram = product(false, kTrainedUnits, kTrainedUnits, kTrainedWidth, w, decoder);
  for (size_t i = 0; i < gram.size(); ++i)
    EXPECT_NEAR(gram[i], i % (kTrainedUnits + 1) == 0 ? 1 : 0, 5e-3) << i;
}

// --- denoising autoencoders (Vincent et al. 2008; Alain, Bengio 2013) ---

TEST(Denoising, LinearWithGaussianNoiseIsTheWienerFilter) {
  constexpr int64_t kDimensions = 5;
  constexpr double kSigma = 0.7;
  const Samples samples = normal_samples(2000, kDimensions, 0.7);
  Options options = autoencoder({"corrupt gaussian 0.7", "linear 5 name=r"});
  options.batch_size = 200;
  options.steps = 6000;
  options.learning_rate = 0.01;
  const Trained trained(options, samples);
  const Vector c = covariance(samples);
  Vector noisy = c;
  for (size_t i = 0; i < kDimensions; ++i) noisy[i * (kDimensions + 1)] += kSigma * kSigma;
  const Vector expected =
      product(false, kDimensions, kDimensions, kDimensions, c, inverse(kDimensions, noisy));
  const Vector found = trained.weights("r");
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 0.01) << i;
}

// Three round clusters.
struct Mixture {
  static constexpr double kDeviation = 0.4;
  static constexpr std::array<std::array<double, 2>, 3> kCentres = {{{1.5, 0}, {-1, 1.2}, {-0.5, -1.4}}};

  static Samples samples(int64_t count) {
    Samples result{2, {}};
    for (int64_t n = 0; n < count; ++n) {
      RandomStream random(1, Purpose::kTest, static_cast<uint32_t>(n), 78);
      const auto& centre = kCentres[random.below(3)];
      for (const double c : centre)
        result.values.push_back(c + kDeviation * static_cast<double>(random.normal()));
    }
    return result;
  }

  // The gradient of the logarithm of the density, after Gaussian noise of this deviation.
  static Vector score(const Vector& x, double noise) {
    const double variance = kDeviation * kDeviation + noise * noise;
    Vector sum(2);
    double total = 0;
    for (const auto& c : kCentres) {
      const double square = std::pow(x[0] - c[0], 2) + std::pow(x[1] - c[1], 2);
      const double weight = std::exp(-square / (2 * variance));
      total += weight;
      for (size_t i = 0; i < 2; ++i) sum[i] += weight * (c[i] - x[i]) / variance;
    }
    return {sum[0] / total, sum[1] / total};
  }
};

TEST(Denoising, ShiftOverTheNoisesVarianceIsTheScore) {
  constexpr double kSigma = 0.3;
  const Samples samples = Mixture::samples(4000);
  Options options = autoencoder({"corrupt gaussian 0.3", "linear 64", "tanh", "linear 2"});
  options.batch_size = 200;
  options.steps = 8000;
  options.learning_rate = 0.01;
  const DenseChain r = Trained(options, samples).chain();
  double dot = 0;
  double found_squares = 0;
  double squares = 0;
  double noisy_dot = 0;
  double noisy_squares = 0;
  for (int64_t n = 0; n < samples.count(); ++n) {
    const Vector x = {samples.at(n, 0), samples.at(n, 1)};
    const Vector y = r(x);
    const Vector score = Mixture::score(x, 0);
    const Vector noisy = Mixture::score(x, kSigma);
    for (size_t i = 0; i < 2; ++i) {
      const double found = (y[i] - x[i]) / (kSigma * kSigma);
      dot += found * score[i];
      found_squares += found * found;
      squares += score[i] * score[i];
      noisy_dot += found * noisy[i];
      noisy_squares += noisy[i] * noisy[i];
    }
  }
  EXPECT_GT(dot / std::sqrt(found_squares * squares), 0.95);
  EXPECT_NEAR(noisy_dot / noisy_squares, 1, 0.05) << "of the size of the score of what the noise makes";
}

// --- sparse codes ---

// The share of zeros in the code.
double zeros(const Options& options, const Samples& samples) {
  const Trained trained(options, samples);
  DenseChain all = trained.chain();
  const DenseChain encoder({all.stages()[0], all.stages()[1]});
  double zero = 0;
  for (int64_t n = 0; n < samples.count(); ++n) {
    const auto row = samples.values.begin() + n * samples.width;
    for (const double h : encoder(Vector(row, row + samples.width))) zero += h == 0 ? 1 : 0;
  }
  return zero / static_cast<double>(samples.count() * encoder.outputs());
}

// Of autoencoders in this order, each has more zeros than the one before it.
void expect_sparser(const std::vector<std::vector<std::string>>& networks) {
  const Samples samples = normal_samples(1000, 8, 0.9);
  double before = 0.01;
  for (const auto& lines : networks) {
    Options options = autoencoder(lines);
    options.batch_size = 100;
    options.steps = 1000;
    options.learning_rate = 0.005;
    const double found = zeros(options, samples);
    EXPECT_GT(found, before + 0.02) << lines[1] << ", " << lines[2];
    before = found;
  }
}

TEST(SoftThreshold, CodesAreTheSparserTheHigherTheThreshold) {
  expect_sparser({{"linear 16", "soft-threshold 0.1", "linear 8"},
                  {"linear 16", "soft-threshold 0.5", "linear 8"},
                  {"linear 16", "soft-threshold 1", "linear 8"},
                  {"linear 16", "soft-threshold 2", "linear 8"}});
}

// The penalty on the distance to the flat part draws values there.
TEST(Saturate, MakesCodesSparser) {
  expect_sparser({{"linear 16", "soft-threshold 0.5", "saturate 0", "linear 8"},
                  {"linear 16", "soft-threshold 0.5", "saturate 0.05", "linear 8"},
                  {"linear 16", "soft-threshold 0.5", "saturate 0.3", "linear 8"}});
}

// --- reconstruction ICA (Le et al. 2011) ---

// How far a matrix is from a permutation with signs and scales: 0 where it is one (Amari et al. 1996).
double amari_index(int64_t n, const Vector& p) {
  const auto at = [&](int64_t i, int64_t j) { return std::fabs(p[static_cast<size_t>(i * n + j)]); };
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    double row = 0, column = 0, row_most = 0, column_most = 0;
    for (int64_t j = 0; j < n; ++j) {
      row += at(i, j);
      column += at(j, i);
      row_most = std::max(row_most, at(i, j));
      column_most = std::max(column_most, at(j, i));
    }
    sum += row / row_most - 1 + column / column_most - 1;
  }
  return sum / static_cast<double>(2 * n * (n - 1));
}

TEST(ReconstructionIca, UnmixesSixteenLaplaceSources) {
  constexpr int64_t kSources = 16;
  // Independent sources of variance 1, mixed by a random matrix, then whitened.
  Samples mixed{kSources, {}};
  Vector mixing;
  RandomStream matrix(1, Purpose::kTest, 0, 79);
  for (int64_t i = 0; i < kSources * kSources; ++i) mixing.push_back(static_cast<double>(matrix.normal()));
  for (int64_t n = 0; n < 6000; ++n) {
    RandomStream random(1, Purpose::kTest, static_cast<uint32_t>(n), 80);
    Vector s(kSources);
    for (double& value : s) {
      const double u = static_cast<double>(random.uniform()) - 0.5;
      value = -std::copysign(std::log(1 - 2 * std::fabs(u)), u) / std::numbers::sqrt2;
    }
    const Vector x = product(false, kSources, 1, kSources, mixing, s);
    mixed.values.insert(mixed.values.end(), x.begin(), x.end());
  }
  const auto eigen = kernels::symmetric_eigen(kSources, covariance(mixed).data());
  Vector whitening = eigen.vectors;
  for (size_t i = 0; i < whitening.size(); ++i) whitening[i] /= std::sqrt(eigen.values[i / kSources]);
  Samples white{kSources, {}};
  for (int64_t n = 0; n < mixed.count(); ++n) {
    const auto row = mixed.values.begin() + n * kSources;
    const Vector z = product(false, kSources, 1, kSources, whitening, Vector(row, row + kSources));
    white.values.insert(white.values.end(), z.begin(), z.end());
  }

  Options options = autoencoder({"linear 16 bias=no name=w", "l1 0.2", "linear 16 tied=w bias=no"});
  options.batch_size = 500;
  options.microbatch = 125;
  options.steps = 3000;
  options.learning_rate = 0.01;
  const Trained trained(options, white);
  const Vector unmixing = product(false, kSources, kSources, kSources, trained.weights("w"), whitening);
  EXPECT_LT(amari_index(kSources, product(false, kSources, kSources, kSources, unmixing, mixing)), 0.1);
  EXPECT_GT(amari_index(kSources, product(false, kSources, kSources, kSources, whitening, mixing)), 0.2)
      << "whitening alone does not";
}

}  // namespace
}  // namespace lockstep::analysis
