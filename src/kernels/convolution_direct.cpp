#include "convolution_direct.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lockstep/core/error.h"
#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

// Sums of a tile, its inputs and a delta fill most of the vector registers.
constexpr int kTileOutputs = kVectorRegisters == 32 ? 4 : 2;
constexpr int kTileTaps = 5;
constexpr int64_t kMostWeights = 4608;  // with a vector each they stay in the second-level cache

// The input rows that one output row reads, copied with zeros around them. Cells that neighbouring outputs
// read at the same tap lie side by side, whatever the stride, so that an output row is one run for every tap.
class InputRows {
 public:
  InputRows(const ConvolutionShape& s, int64_t columns, const float* in, float* memory)
      : s_(s), columns_(columns), in_(in), memory_(memory) {
    std::fill_n(memory, floats(s, columns), 0.0f);
  }

  // A slot for each row of the window, and one that stays zero, for rows outside of the picture.
  static int64_t floats(const ConvolutionShape& s, int64_t columns) {
    return (s.kernel_height * s.in_channels + 1) * row_floats(s, columns);
  }

  // What each tap reads for the first output of row y; only ever called with the next y.
  const float* const* of_output_row(int64_t y) {
    const int64_t first = y * s_.stride - s_.pad;
    const int64_t end = std::min(first + s_.kernel_height, s_.in_height);
    for (copied_ = std::max(copied_, first); copied_ < end; ++copied_) {
      for (int64_t c = 0; c < s_.in_channels; ++c) copy_row(c, copied_);
    }
    size_t tap = 0;
    for (int64_t c = 0; c < s_.in_channels; ++c) {
      for (int64_t i = 0; i < s_.kernel_height; ++i) {
        const float* from = first + i >= 0 && first + i < end ? row(c, first + i) : zeros();
        for (int64_t j = 0; j < s_.kernel_width; ++j) taps_[tap++] = from + place(j);
      }
    }
    return taps_.data();
  }

 private:
  static int64_t cells_apart(const ConvolutionShape& s) {  // cells of a row that are a stride apart
    return (s.in_width + 2 * s.pad + s.stride - 1) / s.stride;
  }
  // A cache line more than the cells, or the channels' equal places would fall into one set of the cache.
  static int64_t row_floats(const ConvolutionShape& s, int64_t columns) {
    return std::min(s.stride, s.in_width + 2 * s.pad) * cells_apart(s) * columns + kLineFloats;
  }
  float* row(int64_t channel, int64_t y) const {
    return memory_ + (y % s_.kernel_height * s_.in_channels + channel) * row_floats(s_, columns_);
  }
  const float* zeros() const {
    return memory_ + s_.kernel_height * s_.in_channels * row_floats(s_, columns_);
  }
  int64_t place(int64_t cell) const {
    return (cell % s_.stride * cells_apart(s_) + cell / s_.stride) * columns_;
  }
  void copy_row(int64_t channel, int64_t y) const {
    const float* from = in_ + (channel * s_.in_height + y) * s_.in_width * columns_;
    float* to = row(channel, y);
    if (s_.stride == 1) {
      std::copy_n(from, s_.in_width * columns_, to + place(s_.pad));
      return;
    }
    for (int64_t x = 0; x < s_.in_width; ++x)
      std::copy_n(from + x * columns_, columns_, to + place(s_.pad + x));
  }

  const ConvolutionShape& s_;
  int64_t columns_;
  const float* in_;
  float* memory_;
  int64_t copied_ = 0;  // rows before it are copied, or no longer needed
  std::array<const float*, kMostWeights> taps_;
};

// sums[o][t] += the sum over a run of delta[o] in[t]
template <int Outputs, int Taps>
void sum_tile(int64_t run, const float* delta, int64_t delta_channel, const float* const* in, float* sums,
              int64_t sums_channel) {
  Vector sum[Outputs][Taps];
  for (int o = 0; o < Outputs; ++o) {
    for (int t = 0; t < Taps; ++t) sum[o][t] = load(sums + o * sums_channel + t * kLanes);
  }
  const float* tap[Taps];
  for (int t = 0; t < Taps; ++t) tap[t] = in[t];
  for (int64_t n = 0; n < run; n += kLanes) {
    Vector inputs[Taps];
    for (int t = 0; t < Taps; ++t) inputs[t] = held(load(tap[t] + n));
    for (int o = 0; o < Outputs; ++o) {
      const Vector d = held(load(delta + o * delta_channel + n));
      for (int t = 0; t < Taps; ++t) sum[o][t] += d * inputs[t];
    }
  }
  for (int o = 0; o < Outputs; ++o) {
    for (int t = 0; t < Taps; ++t) store(sum[o][t], sums + o * sums_channel + t * kLanes);
  }
}

// The tiles at the edges have fewer outputs or taps; each size is code of its own.
template <int Outputs, int... Taps, class... Arguments>
void sum_tile_of_taps(int64_t taps, std::integer_sequence<int, Taps...>, Arguments... arguments) {
  ((taps == Taps + 1 ? sum_tile<Outputs, Taps + 1>(arguments...) : void()), ...);
}
template <int... Outputs, class... Arguments>
void sum_tile_of(int64_t outputs, int64_t taps, std::integer_sequence<int, Outputs...>,
                 Arguments... arguments) {
  using TapCounts = std::make_integer_sequence<int, kTileTaps>;
  ((outputs == Outputs + 1 ? sum_tile_of_taps<Outputs + 1>(taps, TapCounts(), arguments...) : void()), ...);
}

}  // namespace

bool has_direct_grad(const ConvolutionShape& s) { return s.out_channels * s.taps() <= kMostWeights; }

std::string direct_grad_rule() { return text("own kernel: ", kMostWeights, " weights or fewer"); }

int64_t direct_grad_scratch(const ConvolutionShape& s, int64_t columns) {
  return s.out_channels * s.taps() * kLanes + InputRows::floats(s, columns);
}

void direct_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                 bool accumulate, float* gradient, float* scratch) {
  const int64_t weights = s.out_channels * s.taps();
  const int64_t run = s.out_width() * columns;
  float* sums = scratch;
  std::fill_n(sums, weights * kLanes, 0.0f);
  InputRows rows(s, columns, in, sums + weights * kLanes);
  for (int64_t y = 0; y < s.out_height(); ++y) {
    const float* const* taps = rows.of_output_row(y);
    for (int64_t o = 0; o < s.out_channels; o += kTileOutputs) {
      const float* delta = out_delta + (o * s.out_height() + y) * run;
      for (int64_t t = 0; t < s.taps(); t += kTileTaps) {
        sum_tile_of(std::min<int64_t>(kTileOutputs, s.out_channels - o),
                    std::min<int64_t>(kTileTaps, s.taps() - t),
                    std::make_integer_sequence<int, kTileOutputs>(), run, delta, s.out_height() * run,
                    taps + t, sums + (o * s.taps() + t) * kLanes, s.taps() * kLanes);
      }
    }
  }
  for (int64_t w = 0; w < weights; ++w) {
    gradient[w] = (accumulate ? gradient[w] : 0.0f) + sum_lanes(load(sums + w * kLanes));
  }
}

}  // namespace lockstep::kernels
