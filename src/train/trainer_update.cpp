// From the gradients of all ranks to the new parameters.
#include <algorithm>
#include <cmath>

#include "lockstep/train/trainer.h"

namespace lockstep::train {

void Trainer::update(const dist::Plan& plan, double learning_rate) {
  reducer_->finish(
      tree_, plan, [&](dist::Range range, const float* gradient) { apply(range, gradient, learning_rate); },
      parameters_.data());
}

// The norm needs the whole gradient, so it is summed first and applied in a second pass. Statistics are no
// part of it, and are not scaled.
void Trainer::update_clipped(const dist::Plan& plan, double learning_rate) {
  reducer_->finish(
      tree_, plan,
      [&](dist::Range range, const float* gradient) {
        const Timed timed(workers_.timeline(), Activity::kUpdate);
        std::copy_n(gradient, range.size(), clipped_.data() + range.begin);
        for (int64_t at = 0; at < range.size(); at += kBlock) {
          double squares = 0;
          for (int64_t i = at; i < at + kBlock; ++i)
            squares += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
          block_squares_[static_cast<size_t>((range.begin + at) / kBlock)] = squares;
        }
      },
      nullptr);
  reducer_->gather_blocks(block_squares_);
  const ParameterLayout& layout = model_.network.layout();
  double squares = 0;
  layout.for_each_part(0, layout.learned_floats(), [&](const ParameterInfo& p, int64_t begin, int64_t end) {
    if (p.keep) return;
    for (int64_t b = begin / kBlock; b < end / kBlock; ++b) squares += block_squares_[static_cast<size_t>(b)];
  });
  const double norm = std::sqrt(squares);
  const float scale = norm > options_.clip_norm ? static_cast<float>(options_.clip_norm / norm) : 1.0f;
  reducer_->for_each_owned([&](dist::Range range) {
    layout.for_each_part(range.begin, range.end, [&](const ParameterInfo& p, int64_t begin, int64_t end) {
      if (p.keep) return;
      for (int64_t i = begin; i < end; ++i) clipped_.data()[i] *= scale;
    });
    apply(range, clipped_.data() + range.begin, learning_rate);
  });
  reducer_->gather(parameters_.data());
}

// What is learned follows the optimizer; a statistic moves towards what was observed, whatever the optimizer.
void Trainer::apply(dist::Range range, const float* gradient, double learning_rate) {
  const Timed timed(workers_.timeline(), Activity::kUpdate);
  const ParameterLayout& layout = model_.network.layout();
  layout.for_each_part(range.begin, range.end, [&](const ParameterInfo& p, int64_t begin, int64_t end) {
    const float* part = gradient + (begin - range.begin);
    if (!p.keep) {
      optimizer_->update(begin, end - begin, part, learning_rate, state_.step, parameters_.data());
      return;
    }
    const float keep = *p.keep;
    float* value = parameters_.data() + begin;
    for (int64_t i = 0; i < end - begin; ++i) value[i] = keep * value[i] + (1.0f - keep) * part[i];
  });
}

}  // namespace lockstep::train
