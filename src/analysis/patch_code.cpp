#include "lockstep/analysis/patch_code.h"

#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "lockstep/kernels/centres.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/kernels/layout.h"

namespace lockstep::analysis {

namespace {

using kernels::kLanes;
using kernels::Transpose;

float sum_of(int64_t count, const float* values) {
  std::array<float, kLanes> lanes{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[static_cast<size_t>(l)] += values[i + l];
  }
  for (; i < count; ++i) lanes[0] += values[i];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

// Of one thread.
class Triangle {
 public:
  Triangle(std::shared_ptr<const Rows> centres, int64_t most_columns)
      : centres_(std::move(centres)),
        offsets_(static_cast<size_t>(centres_->count)),
        squares_(static_cast<size_t>(most_columns)),
        scores_(static_cast<size_t>(centres_->count * most_columns)) {
    kernels::centre_offsets(centres_->count, centres_->width, centres_->values.data(), offsets_.data());
  }

  void operator()(int64_t columns, const float* patches, const int* part, float* sums) {
    const int64_t count = centres_->count;
    const int64_t width = centres_->width;
    // Patches x centres, so that what follows of a patch lies in one piece.
    kernels::gemm(Transpose::kYes, Transpose::kYes, columns, count, width, patches, columns,
                  centres_->values.data(), width, 0, scores_.data(), count);
    std::fill_n(squares_.data(), columns, 0.0f);
    for (int64_t i = 0; i < width; ++i) {
      const float* row = patches + i * columns;
      for (int64_t n = 0; n < columns; ++n) squares_[static_cast<size_t>(n)] += row[n] * row[n];
    }
    for (int64_t n = 0; n < columns; ++n) {
      if (part[n] < 0) continue;
      add(squares_[static_cast<size_t>(n)], scores_.data() + n * count, sums + part[n] * count);
    }
  }

 private:
  // One patch, from its squared length and c.x of each centre, which become distances.
  void add(float square, float* scores, float* sums) const {
    const int64_t count = centres_->count;
    const float* offsets = offsets_.data();
    for (int64_t k = 0; k < count; ++k) {
      const float squared = square - 2.0f * (scores[k] + offsets[k]);
      scores[k] = std::sqrt(squared > 0.0f ? squared : 0.0f);  // rounding may leave less than 0
    }
    const float mean = sum_of(count, scores) / static_cast<float>(count);
    for (int64_t k = 0; k < count; ++k) sums[k] += mean > scores[k] ? mean - scores[k] : 0.0f;
  }

  std::shared_ptr<const Rows> centres_;
  std::vector<float> offsets_;
  std::vector<float> squares_;
  std::vector<float> scores_;
};

// Of one thread.
class Encoder {
 public:
  Encoder(const nn::Network& network, const float* parameters, bool magnitude, int64_t most_columns)
      : network_(network),
        parameters_(parameters),
        magnitude_(magnitude),
        workspace_(std::make_shared<nn::Workspace>(network.workspace(most_columns))) {}

  void operator()(int64_t columns, const float* patches, const int* part, float* sums) {
    const int64_t features = network_.output_shape().size();
    std::copy_n(patches, network_.input_shape().size() * columns, workspace_->input());
    nn::Pass pass;
    pass.samples = pass.columns = pass.minibatch = columns;
    network_.fprop(pass, parameters_, *workspace_);
    for (int64_t f = 0; f < features; ++f) {
      const float* row = workspace_->output() + f * columns;
      for (int64_t n = 0; n < columns; ++n) {
        if (part[n] >= 0) sums[part[n] * features + f] += magnitude_ ? std::fabs(row[n]) : row[n];
      }
    }
  }

 private:
  const nn::Network& network_;
  const float* parameters_;
  bool magnitude_;
  std::shared_ptr<nn::Workspace> workspace_;  // shared by copies, of which one is used
};

}  // namespace

PatchCode triangle_code(Rows centres) {
  const auto shared = std::make_shared<const Rows>(std::move(centres));
  return {shared->count, [shared](int64_t most_columns) { return Triangle(shared, most_columns); }};
}

PatchCode network_code(const nn::Network& encoder, const float* parameters, bool magnitude) {
  return {encoder.output_shape().size(), [&encoder, parameters, magnitude](int64_t most_columns) {
            return Encoder(encoder, parameters, magnitude, most_columns);
          }};
}

}  // namespace lockstep::analysis
