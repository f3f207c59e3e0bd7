// How an autoencoder's decoder follows from its encoder: A = C W^T, the encoder smoothed by the data's
// covariance.
//
// With whitening z = L^(-1/2) U^T (x - mean), C = U L U^T, and tied weights W on z, the filters on x are
// W' = W L^(-1/2) U^T and A' = U L^(1/2) W^T, so that C W'^T = A' exactly; with (L + epsilon) in place of L
// it is (C + epsilon) W'^T = A', and with some components kept U and L are those. Of an autoencoder trained
// on x, whose decoder is free, it holds as far as the units of its code are uncorrelated: the best linear
// decoder is C W^T (W C W^T)^(-1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/dense_chain.h"
#include "lockstep/analysis/image.h"
#include "lockstep/analysis/whitening.h"
#include "lockstep/core/shape.h"
#include "lockstep/io/file.h"
#include "lockstep/kernels/linear_algebra.h"

namespace lockstep::analysis {

// `count` filters of `width` values, one after the other.
struct Filters {
  int64_t count = 0;
  int64_t width = 0;
  std::vector<double> values;
};

// (C + epsilon) w for each filter w: U (L + epsilon) U^T w with the first `components` rows of
// `covariance.vectors` as U^T.
Filters smoothed(const Filters& filters, const kernels::SymmetricEigen& covariance, int64_t components,
                 double epsilon = 0);

// The rows of an autoencoder's first matrix and the columns of its last. Fails (usage) where these are not as
// many: there has to be one of each a unit.
struct FilterPair {
  Filters encoder;
  Filters decoder;
};
FilterPair filters_of(const DenseChain& chain);
// The same of an autoencoder on whitened values, as filters on the original ones.
FilterPair unwhitened(const FilterPair& filters, const Whitening& whitening);
// What a prepared dataset's samples went through.
struct Prepared {
  Whitening whitening;
  Shape shape;  // of a sample before
};
// None where the file knows of no whitening.
std::optional<Prepared> preparation_of(const std::string& dataset_path);

// How far decoder filters are from what is predicted, each prediction scaled by the factor that suits it
// best.
struct Fit {
  Filters predicted;              // scaled
  std::vector<double> factors;    // one a unit
  std::vector<double> residuals;  // |decoder - predicted| / |decoder|, one a unit; 0 of a decoder that is 0
  double residual = 0;            // of all together: the root of the ratio of the sums of squares
};
Fit fit(const Filters& decoder, const Filters& prediction);

struct Relation {
  FilterPair filters;
  Fit covariance;  // the decoder as C W^T
  Fit alone;       // as W^T, for comparison
  Shape shape;     // of a filter
  int64_t components = 0;
  double epsilon = 0;
  std::string data;  // what the covariance is of
};

// Lines for people.
std::string relation_text(const Relation& relation);
void write_relation(const Relation& relation, io::File& file);
// The filters of the first units, at most a hundred, each by its own range: encoder, predicted decoder and
// decoder, side by side, at the same places.
Image draw_relation(const Relation& relation);

}  // namespace lockstep::analysis
