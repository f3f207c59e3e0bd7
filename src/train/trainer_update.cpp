// From the gradients of all ranks to the new parameters.
#include <algorithm>
#include <cmath>

#include "lockstep/train/trainer.h"

namespace lockstep::train {

namespace {

double sum_of_squares(const float* values) {
  double squares = 0;
  for (int64_t i = 0; i < kBlock; ++i)
    squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return squares;
}

// Of the parameters that `counts`, from sums of squares of blocks.
template <class Counts>
double norm(const ParameterLayout& layout, const std::vector<double>& block_squares, const Counts& counts) {
  double squares = 0;
  layout.for_each_part(0, layout.learned_floats(), [&](const ParameterInfo& p, int64_t begin, int64_t end) {
    if (!counts(p)) return;
    for (int64_t b = begin / kBlock; b < end / kBlock; ++b) squares += block_squares[static_cast<size_t>(b)];
  });
  return std::sqrt(squares);
}

}  // namespace

void Trainer::update(double learning_rate) {
  rates_.assign(model_.network.layout().parameters().size(), learning_rate);
  if (needs_norms(options_, *optimizer_)) return update_in_two_passes();
  reducer_->finish([&](dist::Range range, const float* gradient) { apply(range, gradient); },
                   parameters_.data());
}

// Norms need the whole gradient, so it is summed first and applied in a second pass. Statistics are no part
// of it, and are not scaled.
void Trainer::update_in_two_passes() {
  sum_gradient();
  if (options_.clip_norm > 0) clip();
  if (optimizer_->by_layers()) trust_layers();
  reducer_->for_each_owned([&](dist::Range range) { apply(range, summed_.data() + range.begin); });
  reducer_->gather(parameters_.data());
}

void Trainer::sum_gradient() {
  const ParameterLayout& layout = model_.network.layout();
  const auto consumer = [&](dist::Range range, const float* gradient) {
    const Timed timed(workers_.timeline(), Activity::kUpdate);
    std::copy_n(gradient, range.size(), summed_.data() + range.begin);
    layout.for_each_part(range.begin, range.end, [&](const ParameterInfo& p, int64_t begin, int64_t end) {
      if (p.keep) return;
      optimizer_->direct(begin, end - begin, summed_.data() + begin, state_.step, parameters_.data());
      for (int64_t at = begin; at < end; at += kBlock) {
        gradient_squares_[static_cast<size_t>(at / kBlock)] = sum_of_squares(summed_.data() + at);
        weight_squares_[static_cast<size_t>(at / kBlock)] = sum_of_squares(parameters_.data() + at);
      }
    });
  };
  reducer_->finish(consumer, nullptr);
  reducer_->gather_blocks(gradient_squares_);
  reducer_->gather_blocks(weight_squares_);
}

void Trainer::clip() {
  const ParameterLayout& layout = model_.network.layout();
  const double length = norm(layout, gradient_squares_, [](const ParameterInfo& p) { return !p.keep; });
  if (length <= options_.clip_norm) return;
  const float scale = static_cast<float>(options_.clip_norm / length);
  reducer_->for_each_owned([&](dist::Range range) {
    layout.for_each_part(range.begin, range.end, [&](const ParameterInfo& p, int64_t begin, int64_t end) {
      if (p.keep) return;
      for (int64_t i = begin; i < end; ++i) summed_.data()[i] *= scale;
    });
  });
}

void Trainer::trust_layers() {
  const ParameterLayout& layout = model_.network.layout();
  for (size_t i = 0; i < rates_.size(); ++i) {
    const auto is_this = [&](const ParameterInfo& p) { return &p == &layout.parameters()[i]; };
    if (!layout.parameters()[i].learns || layout.parameters()[i].keep) continue;
    rates_[i] *=
        optimizer_->trust(norm(layout, weight_squares_, is_this), norm(layout, gradient_squares_, is_this));
  }
}

// What is learned follows the optimizer; a statistic moves towards what was observed, whatever the optimizer.
void Trainer::apply(dist::Range range, const float* gradient) {
  const Timed timed(workers_.timeline(), Activity::kUpdate);
  const ParameterLayout& layout = model_.network.layout();
  layout.for_each_part(range.begin, range.end, [&](const ParameterInfo& p, int64_t begin, int64_t end) {
    const float* part = gradient + (begin - range.begin);
    if (!p.keep) {
      const double rate = rates_[static_cast<size_t>(&p - layout.parameters().data())];
      optimizer_->update(begin, end - begin, part, rate, state_.step, parameters_.data());
      return;
    }
    const float keep = *p.keep;
    float* value = parameters_.data() + begin;
    for (int64_t i = 0; i < end - begin; ++i) value[i] = keep * value[i] + (1.0f - keep) * part[i];
  });
}

}  // namespace lockstep::train
