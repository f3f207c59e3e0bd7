#include "convolution_direct.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "convolution_extent.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/vector.h"

namespace lockstep::kernels {

namespace {

// Sums of a tile, its inputs and a delta fill most of the 32 vector registers: 4 x 5, 5 x 4 or 7 x 3 sums.
constexpr int kTileTaps = 5;
constexpr int kMostOutputs = 7;
constexpr int64_t kMostWeights = 4608;  // with a vector each they stay in the second-level cache
int64_t outputs_at_once(const ConvolutionShape& s) {
  const int64_t most = s.kernel_width >= 5 ? 4 : s.kernel_width == 4 ? 5 : kMostOutputs;
  const int64_t tiles = (s.out_channels + most - 1) / most;
  return (s.out_channels + tiles - 1) / tiles;  // tiles as equal as can be
}

struct Tile {
  const float* delta;     // of the first output channel, row and cell
  int64_t delta_channel;  // floats from one output channel to the next
  int64_t delta_row;      // floats from one output row to the next
  const float* in;        // what the first tap reads for the first output
  int64_t in_row;         // floats from what one output row reads to what the next reads
  int64_t in_cell;        // the same for cells
  int64_t columns;        // floats from one tap to its right neighbour
  int64_t rows;           // of outputs
  int64_t cells;          // of a row, in runs that are contiguous in the input too
  int64_t run;            // floats
  float* sums;            // vectors of the first output channel, from the first tap on
  int64_t sums_channel;   // floats from one output channel to the next
};

template <int Outputs, int Taps>
void sum_tile(const Tile& t) {
  Vector sums[Outputs][Taps];
  for (int o = 0; o < Outputs; ++o) {
    for (int k = 0; k < Taps; ++k) sums[o][k] = load(t.sums + o * t.sums_channel + k * kLanes);
  }
  // One loop over all runs, since with three the compiler has no registers left for the addresses.
  const float* in = t.in;
  const float* delta = t.delta;
  const int64_t to_next_row = t.in_row - t.cells * t.in_cell;
  const int64_t to_next_delta = t.delta_row - t.cells * t.run;
  int64_t cell = 0;
  for (int64_t runs = t.rows * t.cells; runs > 0; --runs) {
    for (int64_t n = 0; n < t.run; n += kLanes) {
      Vector inputs[Taps];
      for (int k = 0; k < Taps; ++k) inputs[k] = held(load(in + k * t.columns + n));
      for (int o = 0; o < Outputs; ++o) {
        const Vector d = held(load(delta + o * t.delta_channel + n));
        for (int k = 0; k < Taps; ++k) sums[o][k] += d * inputs[k];
      }
    }
    in += t.in_cell;
    delta += t.run;
    if (++cell == t.cells) {
      cell = 0;
      in += to_next_row;
      delta += to_next_delta;
    }
  }
  for (int o = 0; o < Outputs; ++o) {
    for (int k = 0; k < Taps; ++k) store(sums[o][k], t.sums + o * t.sums_channel + k * kLanes);
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

// Where a tile is: neighbouring taps of one input channel, for some output channels and rows.
struct Place {
  Extent rows;
  int64_t o, outputs;
  int64_t c, i;
};

class Window {
 public:
  Window(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta, float* sums)
      : s_(s), columns_(columns), in_(in), delta_(out_delta), sums_(sums) {
    for (int64_t i = 0; i < s.kernel_height; ++i) {
      down_.push_back(outputs_inside(i, s.stride, s.pad, s.in_height, s.out_height()));
    }
    for (int64_t j = 0; j < s.kernel_width; ++j) {
      across_.push_back(outputs_inside(j, s.stride, s.pad, s.in_width, s.out_width()));
    }
  }

  void sum(const Place& place, int64_t j, int64_t taps) const {
    const Extent* across = &across_[static_cast<size_t>(j)];
    // Where all taps read inside; then, tap by tap, where only some do.
    const int64_t begin = std::min(across[0].begin, across[taps - 1].end);
    const int64_t end = std::max(begin, across[taps - 1].end);
    sum_cells({begin, end}, place, j, taps);
    for (int64_t k = 0; k < taps; ++k) {
      sum_cells({across[k].begin, std::min(begin, across[k].end)}, place, j + k, 1);
      sum_cells({std::max(end, across[k].begin), across[k].end}, place, j + k, 1);
    }
  }

 private:
  void sum_cells(const Extent& cells, const Place& place, int64_t j, int64_t taps) const {
    if (cells.end <= cells.begin) return;
    const Extent inside = down_[static_cast<size_t>(place.i)];
    const int64_t row = std::max(place.rows.begin, inside.begin);
    Tile tile{};
    tile.rows = std::min(place.rows.end, inside.end) - row;
    tile.cells = cells.end - cells.begin;
    if (tile.rows <= 0) return;
    tile.delta_row = s_.out_width() * columns_;
    tile.delta_channel = s_.out_height() * tile.delta_row;
    tile.delta = delta_ + place.o * tile.delta_channel + row * tile.delta_row + cells.begin * columns_;
    const int64_t y = row * s_.stride + place.i - s_.pad;
    const int64_t x = cells.begin * s_.stride + j - s_.pad;
    tile.in = in_ + ((place.c * s_.in_height + y) * s_.in_width + x) * columns_;
    tile.in_row = s_.stride * s_.in_width * columns_;
    tile.in_cell = s_.stride * columns_;
    tile.columns = columns_;
    tile.run = columns_;
    if (s_.stride == 1) {  // a row is one run
      tile.run *= tile.cells;
      tile.cells = 1;
    }
    const int64_t tap = (place.c * s_.kernel_height + place.i) * s_.kernel_width + j;
    tile.sums = sums_ + (place.o * s_.taps() + tap) * kLanes;
    tile.sums_channel = s_.taps() * kLanes;
    sum_tile_of(place.outputs, taps, tile, std::make_integer_sequence<int, kMostOutputs>());
  }

  const ConvolutionShape& s_;
  int64_t columns_;
  const float* in_;
  const float* delta_;
  float* sums_;
  std::vector<Extent> down_;    // one a row of taps
  std::vector<Extent> across_;  // one a column of taps
};

}  // namespace

bool has_direct_grad(const ConvolutionShape& s) { return s.out_channels * s.taps() <= kMostWeights; }

std::string direct_grad_rule() { return text("own kernel: ", kMostWeights, " weights or fewer"); }

int64_t direct_grad_scratch(const ConvolutionShape& s) { return s.out_channels * s.taps() * kLanes; }

void direct_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                 bool accumulate, float* gradient, float* scratch) {
  const Window window(s, columns, in, out_delta, scratch);
  const int64_t weights = s.out_channels * s.taps();
  std::fill_n(scratch, weights * kLanes, 0.0f);
  const int64_t at_once = outputs_at_once(s);
  // Rows whose deltas stay in the first-level cache.
  constexpr int64_t kRowFloats = 6 * 1024;
  const int64_t rows = std::max<int64_t>(kRowFloats / (at_once * s.out_width() * columns), 1);
  for (int64_t y = 0; y < s.out_height(); y += rows) {
    for (int64_t o = 0; o < s.out_channels; o += at_once) {
      Place place{{y, std::min(y + rows, s.out_height())}, o, std::min(at_once, s.out_channels - o), 0, 0};
      for (place.c = 0; place.c < s.in_channels; ++place.c) {
        for (place.i = 0; place.i < s.kernel_height; ++place.i) {
          for (int64_t j = 0; j < s.kernel_width; j += kTileTaps) {
            window.sum(place, j, std::min<int64_t>(kTileTaps, s.kernel_width - j));
          }
        }
      }
    }
  }
  for (int64_t w = 0; w < weights; ++w) {
    gradient[w] = (accumulate ? gradient[w] : 0.0f) + sum_lanes(load(scratch + w * kLanes));
  }
}

}  // namespace lockstep::kernels
