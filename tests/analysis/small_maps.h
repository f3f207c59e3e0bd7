// Autoencoders made by hand, whose dynamics are known: what the tests of dynamics share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "lockstep/analysis/dynamics.h"
#include "support/values.h"
#include "team_of_threads.h"

namespace lockstep::test {

using Values = std::vector<double>;

inline Values random_point(int64_t size, uint32_t item, float low = -1, float high = 1) {
  const auto values = random_values(size, item, low, high);
  return {values.begin(), values.end()};
}

inline std::vector<analysis::Point> random_points(int64_t count, int64_t size, float low, float high) {
  std::vector<analysis::Point> points;
  for (int64_t i = 0; i < count; ++i) {
    points.push_back(random_point(size, static_cast<uint32_t>(1000 + i), low, high));
  }
  return points;
}

inline Values transposed(const nn::AffineMap& map) {
  Values result;
  for (int64_t i = 0; i < map.inputs; ++i) {
    for (int64_t o = 0; o < map.outputs; ++o)
      result.push_back(map.matrix[static_cast<size_t>(o * map.inputs + i)]);
  }
  return result;
}

// `units` rows that are orthonormal, by the method of Gram and Schmidt.
inline Values orthonormal_rows(int64_t units, int64_t inputs) {
  Values rows;
  for (int64_t k = 0; k < units; ++k) {
    Values row = random_point(inputs, static_cast<uint32_t>(k));
    const auto project_out = [&](int64_t j) {
      const double* other = rows.data() + j * inputs;
      double product = 0;
      for (int64_t i = 0; i < inputs; ++i) product += row[static_cast<size_t>(i)] * other[i];
      for (int64_t i = 0; i < inputs; ++i) row[static_cast<size_t>(i)] -= product * other[i];
    };
    for (int64_t j = 0; j < k; ++j) project_out(j);
    double squares = 0;
    for (const double value : row) squares += value * value;
    for (const double value : row) rows.push_back(value / std::sqrt(squares));
  }
  return rows;
}

// r(x) = W^T h(W x + b) + c, or A h(W x + b) + c with A of its own.
inline analysis::DenseChain one_layer(const nn::AffineMap& encoder, analysis::DenseChain::Stage h,
                                      Values offset, Values decoder = {}) {
  if (decoder.empty()) decoder = transposed(encoder);
  return analysis::DenseChain(
      {encoder, std::move(h), nn::AffineMap{encoder.inputs, encoder.outputs, decoder, std::move(offset)}});
}

inline nn::AffineMap random_encoder(int64_t units, int64_t inputs, float size) {
  return {units, inputs, random_point(units * inputs, 1, -size, size), random_point(units, 2)};
}

// r_i(x) = 2 tanh x_i: in each dimension 0 is an unstable fixed point, of slope 2, and two are stable.
inline analysis::Reconstruction tanh_map(int64_t width) {
  nn::AffineMap encoder{width, width, Values(static_cast<size_t>(width * width)),
                        Values(static_cast<size_t>(width))};
  Values decoder = encoder.matrix;
  for (int64_t i = 0; i < width; ++i) {
    encoder.matrix[static_cast<size_t>(i * width + i)] = 1;
    decoder[static_cast<size_t>(i * width + i)] = 2;
  }
  return analysis::Reconstruction(
      one_layer(encoder, nn::scalar_function("tanh"), Values(static_cast<size_t>(width)), decoder));
}

// The positive x with x = 2 tanh x.
inline double tanh_fixed_point() {
  double x = 2;
  for (int i = 0; i < 200; ++i) x = 2 * std::tanh(x);
  return x;
}

// E(x) = sum_k I(s_k) - 1/2 |x - c|^2 of one_layer(), from the definition.
inline double energy_of(const nn::AffineMap& encoder, const nn::ScalarFunction& h, const Values& offset,
                        const analysis::Point& x) {
  double energy = 0;
  for (int64_t k = 0; k < encoder.outputs; ++k) {
    double s = encoder.offset[static_cast<size_t>(k)];
    for (int64_t i = 0; i < encoder.inputs; ++i) {
      s += encoder.matrix[static_cast<size_t>(k * encoder.inputs + i)] * x[static_cast<size_t>(i)];
    }
    energy += h.antiderivative(s);
  }
  for (size_t i = 0; i < x.size(); ++i) energy -= 0.5 * std::pow(x[i] - offset[i], 2);
  return energy;
}

class OnThreads : public ::testing::Test {
 protected:
  analysis::Team team(int threads = 1) {
    team_.reset();  // before another is made: threads of two pools are not to be had at once
    team_ = std::make_unique<analysis::TeamOfThreads>(threads);
    return team_->team;
  }

 private:
  std::unique_ptr<analysis::TeamOfThreads> team_;
};

}  // namespace lockstep::test
