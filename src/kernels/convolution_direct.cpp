#include "convolution_direct.h"

#include <algorithm>
#include <utility>

#include "lockstep/core/error.h"
#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

// 4 x 5 sums, 4 deltas and 5 inputs fill most of the 32 vector registers.
constexpr int kTileOutputs = 4;
constexpr int kTileTaps = 5;

constexpr int64_t kFewTaps = 64;

struct Tile {
  const float* delta;        // of the first output channel
  int64_t delta_channel;     // floats from one output channel to the next
  const float* in;           // what the first tap reads for the first output row
  int64_t in_row;            // floats from one row of the input to the next
  int64_t columns;           // floats from one tap to its right neighbour
  int64_t rows;              // output rows
  int64_t count;             // floats of an output row
  float* gradient;           // of the first output channel and tap
  int64_t gradient_channel;  // floats from one output channel to the next
  bool accumulate;
};

template <int Outputs, int Taps>
void sum_tile(const Tile& t) {
  Vector sums[Outputs][Taps] = {};
  for (int64_t y = 0; y < t.rows; ++y) {
    const float* in = t.in + y * t.in_row;
    const float* delta = t.delta + y * t.count;
    for (int64_t n = 0; n < t.count; n += kLanes) {
      Vector inputs[Taps];
      for (int k = 0; k < Taps; ++k) inputs[k] = load(in + k * t.columns + n);
      for (int o = 0; o < Outputs; ++o) {
        const Vector d = load(delta + o * t.delta_channel + n);
        for (int k = 0; k < Taps; ++k) sums[o][k] += d * inputs[k];
      }
    }
  }
  for (int o = 0; o < Outputs; ++o) {
    for (int k = 0; k < Taps; ++k) {
      float& g = t.gradient[o * t.gradient_channel + k];
      g = (t.accumulate ? g : 0.0f) + sum_lanes(sums[o][k]);
    }
  }
}

// The tiles at the edges have fewer outputs or taps; each size is code of its own.
template <int Outputs, int... Taps>
void sum_tile_of(int64_t taps, const Tile& tile, std::integer_sequence<int, Taps...>) {
  ((taps == Taps + 1 ? sum_tile<Outputs, Taps + 1>(tile) : void()), ...);
}

template <int... Outputs>
void sum_tile_of(int64_t outputs, int64_t taps, const Tile& tile, std::integer_sequence<int, Outputs...>) {
  using TapCounts = std::make_integer_sequence<int, kTileTaps>;
  ((outputs == Outputs + 1 ? sum_tile_of<Outputs + 1>(taps, tile, TapCounts()) : void()), ...);
}

}  // namespace

bool has_direct_grad(const ConvolutionShape& s) { return s.stride == 1 && s.pad == 0 && s.taps() < kFewTaps; }

std::string direct_grad_rule() {
  return text("own kernel: fewer than ", kFewTaps, " taps, stride 1, no padding");
}

void direct_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                 bool accumulate, float* gradient) {
  Tile tile{};
  tile.delta_channel = s.out_height() * s.out_width() * columns;
  tile.in_row = s.in_width * columns;
  tile.columns = columns;
  tile.rows = s.out_height();
  tile.count = s.out_width() * columns;
  tile.gradient_channel = s.taps();
  tile.accumulate = accumulate;
  for (int64_t o = 0; o < s.out_channels; o += kTileOutputs) {
    tile.delta = out_delta + o * tile.delta_channel;
    for (int64_t c = 0; c < s.in_channels; ++c) {
      for (int64_t i = 0; i < s.kernel_height; ++i) {
        for (int64_t j = 0; j < s.kernel_width; j += kTileTaps) {
          tile.in = in + ((c * s.in_height + i) * s.in_width + j) * columns;
          tile.gradient = gradient + o * s.taps() + (c * s.kernel_height + i) * s.kernel_width + j;
          sum_tile_of(std::min<int64_t>(kTileOutputs, s.out_channels - o),
                      std::min<int64_t>(kTileTaps, s.kernel_width - j), tile,
                      std::make_integer_sequence<int, kTileOutputs>());
        }
      }
    }
  }
}

}  // namespace lockstep::kernels
