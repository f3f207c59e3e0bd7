#include "winograd.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "register_tile.h"
#include "winograd_squares.h"

namespace lockstep::kernels {

namespace {

constexpr int kPoints = kWinogradPatch * kWinogradPatch;
constexpr int64_t kBlockFloats =
    (kVectorRegisters == 32 ? 384 : 96) * 1024;  // of transformed values, aimed at
constexpr int64_t kFewChannels = 16;             // below which it does not pay

const auto kToPoints = [](const auto& in, auto& out) { patch_to_points(in, out); };
const auto kToOutputs = [](const auto& in, auto& out) { points_to_outputs(in, out); };
const auto kFromOutputs = [](const auto& in, auto& out) { outputs_to_points(in, out); };
const auto kToTaps = [](const auto& in, auto& out) { points_to_taps(in, out); };

int64_t round_up(int64_t count, int64_t granule) { return (count + granule - 1) / granule * granule; }

struct Tiles {
  int64_t down, across;
  int64_t count() const { return down * across; }
  int64_t y(int64_t tile) const { return tile / across * kWinogradOutputs; }
  int64_t x(int64_t tile) const { return tile % across * kWinogradOutputs; }
};

Tiles tiles_of(int64_t out_height, int64_t out_width) {
  return {(out_height + kWinogradOutputs - 1) / kWinogradOutputs,
          (out_width + kWinogradOutputs - 1) / kWinogradOutputs};
}

// Values at 36 points. A point's matrix has rows of `length` floats in panels: [panel][row][kTileColumns].
// Points are a cache line more than the matrix apart, or their equal places would fall into one set of the
// cache.
struct Points {
  float* data;
  int64_t rows;
  int64_t panels;
  int64_t distance() const { return rows * panels * kTileColumns + kLineFloats; }
  float* panel(int point, int64_t p) const { return data + point * distance() + p * rows * kTileColumns; }
  float* at(int64_t row, int64_t place) const {  // of point 0
    return data + (place / kTileColumns * rows + row) * kTileColumns + place % kTileColumns;
  }
};

int64_t points_floats(int64_t rows, int64_t length) {
  return kPoints * (rows * round_up(length, kTileColumns) + kLineFloats);
}

// A block of tiles: [begin, end).
struct Block {
  int64_t begin, end;
  int64_t length(int64_t columns) const { return (end - begin) * columns; }
};

// Calls visit(tile, column, place) for each cache line of a block: `place` counts its floats.
template <class Visit>
void for_each_line(const Block& block, int64_t columns, const Visit& visit) {
  int64_t place = 0;
  for (int64_t tile = block.begin; tile < block.end; ++tile) {
    for (int64_t column = 0; column < columns; column += kLineFloats, place += kLineFloats)
      visit(tile, column, place);
  }
}

// Stores a vector at each point from `to` on.
auto to_points(float* to, int64_t distance) {
  return [to, distance](int point, const Vector& value) { store(value, to + point * distance); };
}

void transform_patches(const Pictures& in, const float* data, const Tiles& tiles, int64_t pad,
                       const Block& block, const Points& points) {
  for (int64_t c = 0; c < in.channels; ++c) {
    for_each_line(block, in.columns, [&](int64_t tile, int64_t column, int64_t place) {
      const Square<kWinogradPatch> square(in, tiles.y(tile) - pad, tiles.x(tile) - pad);
      square.prefetch(in, data, c, column);
      for (int64_t v = 0; v < kLineFloats; v += kLanes) {
        square.transform<kWinogradPatch>(data + c * in.plane() + column + v, kToPoints,
                                         to_points(points.at(c, place + v), points.distance()));
      }
    });
  }
}

void transform_outputs(const Pictures& out, float* data, const Tiles& tiles, const Block& block,
                       const float* bias, bool accumulate, const Points& points) {
  const int64_t distance = points.distance();
  for (int64_t o = 0; o < out.channels; ++o) {
    const Vector start = Vector{} + (bias != nullptr ? bias[o] : 0.0f);
    for_each_line(block, out.columns, [&](int64_t tile, int64_t column, int64_t place) {
      const Square<kWinogradOutputs> square(out, tiles.y(tile), tiles.x(tile));
      square.prefetch(out, data, o, column);
      for (int64_t v = 0; v < kLineFloats; v += kLanes) {
        const float* from = points.at(o, place + v);
        square.put(start, accumulate, data + o * out.plane() + column + v, kToOutputs,
                   [&](int i, Vector(&row)[kWinogradPatch]) {
                     for (int j = 0; j < kWinogradPatch; ++j)
                       row[j] = load(from + (i * kWinogradPatch + j) * distance);
                   });
      }
    });
  }
}

// Weights, or their derivatives, at 36 points: [point][out][in], the points as far apart as in Points.
int64_t weights_distance(const ConvolutionShape& s, int64_t in_channels) {
  return s.out_channels * in_channels + kLineFloats;
}

// Weights [out][in][3][3] to [point][out][in]; turned by 180 degrees for the way back.
void transform_weights(const ConvolutionShape& s, const float* weights, bool turned, float* points) {
  const int64_t channels = round_up(s.in_channels, kLanes);
  const int64_t distance = weights_distance(s, channels);
  constexpr int kWindow = kWinogradTaps * kWinogradTaps;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    for (int64_t c = 0; c < s.in_channels; c += kLanes) {
      float lanes[kWindow][kLanes] = {};
      const int64_t count = std::min(kLanes, s.in_channels - c);
      const float* from = weights + (o * s.in_channels + c) * kWindow;
      for (int64_t l = 0; l < count; ++l) {
        for (int t = 0; t < kWindow; ++t) lanes[turned ? kWindow - 1 - t : t][l] = from[l * kWindow + t];
      }
      Vector taps[kWinogradTaps][kWinogradTaps];
      Vector rows[kWinogradTaps][kWinogradPatch];
      for (int i = 0; i < kWinogradTaps; ++i) {
        for (int j = 0; j < kWinogradTaps; ++j) taps[i][j] = load(lanes[i * kWinogradTaps + j]);
        taps_to_points(taps[i], rows[i]);
      }
      for (int j = 0; j < kWinogradPatch; ++j) {
        const Vector column[kWinogradTaps] = {rows[0][j], rows[1][j], rows[2][j]};
        Vector result[kWinogradPatch];
        taps_to_points(column, result);
        for (int i = 0; i < kWinogradPatch; ++i)
          store(result[i], points + (i * kWinogradPatch + j) * distance + o * channels + c);
      }
    }
  }
}

int64_t weight_floats(const ConvolutionShape& s) {
  return kPoints * weights_distance(s, round_up(s.in_channels, kTileColumns));
}

// Tiles that are done at once: their values at the points shall stay in the second-level cache.
int64_t tiles_at_once(int64_t channels, const Tiles& tiles, int64_t columns) {
  return std::clamp<int64_t>(kBlockFloats / (kPoints * channels * columns), 1, tiles.count());
}

// Sources to results at every point: results[r] = sum over k of weights(r, k) sources[k].
void multiply(const float* weights, int64_t distance, int64_t row, int64_t step, const Points& sources,
              const Points& results) {
  const int64_t at_once = rows_at_once(results.rows);
  for (int point = 0; point < kPoints; ++point) {
    for (int64_t r = 0; r < results.rows; r += at_once) {
      const float* a = weights + point * distance + r * row;
      for (int64_t p = 0; p < results.panels; ++p) {
        float* to = results.panel(point, p) + r * kTileColumns;
        with_rows(std::min(at_once, results.rows - r), [&](auto rows) {
          TileSums<rows.value> sums;
          clear_sums(sums);
          add_product(sources.rows, a, row, step, sources.panel(point, p), sums);
          store_sums(sums, kTileColumns, to);
        });
      }
    }
  }
}

// A convolution of `in` with transformed weights, weights(out, in) being at out * row + in * step.
void convolve(const Pictures& in, const float* from, const Pictures& out, float* to, int64_t pad,
              const float* bias, bool accumulate, int64_t distance, int64_t row, int64_t step,
              const float* weights, float* scratch) {
  const Tiles tiles = tiles_of(out.height, out.width);
  const int64_t at_once = tiles_at_once(in.channels + out.channels, tiles, in.columns);
  for (Block block{0, 0}; block.end < tiles.count();) {
    block = {block.end, std::min(block.end + at_once, tiles.count())};
    const int64_t panels = round_up(block.length(in.columns), kTileColumns) / kTileColumns;
    const Points sources{scratch, in.channels, panels};
    const Points results{scratch + points_floats(in.channels, panels * kTileColumns), out.channels, panels};
    transform_patches(in, from, tiles, pad, block, sources);
    multiply(weights, distance, row, step, sources, results);
    transform_outputs(out, to, tiles, block, bias, accumulate, results);
  }
}

// A vector of channels' patches, transposed: a row a sample, with the channels in its vectors.
void transform_patches_transposed(const Pictures& in, const float* data, const Tiles& tiles, int64_t pad,
                                  const Block& block, const Points& points) {
  for (int64_t c = 0; c < points.panels * kTileColumns; c += kLanes) {
    for_each_line(block, in.columns, [&](int64_t tile, int64_t column, int64_t place) {
      const Square<kWinogradPatch> square(in, tiles.y(tile) - pad, tiles.x(tile) - pad);
      for (int64_t v = 0; v < kLineFloats; v += kLanes) {
        Vector values[kPoints][kLanes] = {};
        for (int64_t l = 0; l < std::min(kLanes, in.channels - c); ++l) {
          if (v == 0) square.prefetch(in, data, c + l, column);
          square.transform<kWinogradPatch>(data + (c + l) * in.plane() + column + v, kToPoints,
                                           [&](int point, const Vector& value) { values[point][l] = value; });
        }
        for (int p = 0; p < kPoints; ++p) {
          transpose(values[p]);
          float* to = points.panel(p, c / kTileColumns) + (place + v) * kTileColumns + c % kTileColumns;
          for (int64_t l = 0; l < kLanes; ++l) store(values[p][l], to + l * kTileColumns);
        }
      }
    });
  }
}

// To [point][channel][place], each point at a distance.
void transform_deltas(const Pictures& out, const float* data, const Tiles& tiles, const Block& block,
                      int64_t distance, float* points) {
  const int64_t length = block.length(out.columns);
  for (int64_t o = 0; o < out.channels; ++o) {
    for_each_line(block, out.columns, [&](int64_t tile, int64_t column, int64_t place) {
      const Square<kWinogradOutputs> square(out, tiles.y(tile), tiles.x(tile));
      square.prefetch(out, data, o, column);
      for (int64_t v = 0; v < kLineFloats; v += kLanes) {
        square.transform<kWinogradPatch>(data + o * out.plane() + column + v, kFromOutputs,
                                         to_points(points + o * length + place + v, distance));
      }
    });
  }
}

// sums[point][out][in] (+)= deltas[point][out][place] sources[point][place][in]
void add_gradients(const ConvolutionShape& s, const float* deltas, int64_t distance, const Points& sources,
                   bool accumulate, float* sums) {
  const int64_t channels = sources.panels * kTileColumns;
  const int64_t at_once = rows_at_once(s.out_channels);
  for (int point = 0; point < kPoints; ++point) {
    for (int64_t p = 0; p < sources.panels; ++p) {
      for (int64_t o = 0; o < s.out_channels; o += at_once) {
        const float* a = deltas + point * distance + o * sources.rows;
        float* to = sums + point * weights_distance(s, channels) + o * channels + p * kTileColumns;
        with_rows(std::min(at_once, s.out_channels - o), [&](auto rows) {
          TileSums<rows.value> tile;
          if (accumulate) {
            load_sums(to, channels, tile);
          } else {
            clear_sums(tile);
          }
          add_product(sources.rows, a, sources.rows, 1, sources.panel(point, p), tile);
          store_sums(tile, channels, to);
        });
      }
    }
  }
}

void transform_gradients(const ConvolutionShape& s, const float* sums, bool accumulate, float* gradient) {
  const int64_t channels = round_up(s.in_channels, kTileColumns);
  constexpr int kWindow = kWinogradTaps * kWinogradTaps;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    for (int64_t c = 0; c < s.in_channels; c += kLanes) {
      const float* from = sums + o * channels + c;
      float lanes[kWindow][kLanes];
      in_two_dimensions<Vector, kWinogradPatch, kWinogradTaps>(
          [&](int i, Vector(&row)[kWinogradPatch]) {
            for (int j = 0; j < kWinogradPatch; ++j) {
              row[j] = load(from + (i * kWinogradPatch + j) * weights_distance(s, channels));
            }
          },
          kToTaps, [&](int tap, const Vector& value) { store(value, lanes[tap]); });
      float* to = gradient + (o * s.in_channels + c) * kWindow;
      for (int64_t l = 0; l < std::min(kLanes, s.in_channels - c); ++l) {
        for (int t = 0; t < kWindow; ++t, ++to) *to = (accumulate ? *to : 0.0f) + lanes[t][l];
      }
    }
  }
}

int64_t block_floats(const ConvolutionShape& s, int64_t columns) {
  // Of the pictures on either side of the convolution, the larger decides.
  const int64_t height = std::max(s.in_height, s.out_height());
  const int64_t width = std::max(s.in_width, s.out_width());
  const int64_t channels = round_up(s.in_channels, kTileColumns) + s.out_channels;
  const Tiles tiles = tiles_of(height, width);
  const int64_t length = round_up(
      tiles_at_once(s.in_channels + s.out_channels, tiles, columns) * columns + kTileColumns, kTileColumns);
  return points_floats(channels, length) + kPoints * kLineFloats;
}

Pictures inputs_of(const ConvolutionShape& s, int64_t columns) {
  return {s.in_channels, s.in_height, s.in_width, columns};
}
Pictures outputs_of(const ConvolutionShape& s, int64_t columns) {
  return {s.out_channels, s.out_height(), s.out_width(), columns};
}

}  // namespace

std::string winograd_rule() {
  return text("Winograd F(4x4, 3x3): 3x3, stride 1, ", kFewChannels, " channels or more");
}

bool has_winograd(const ConvolutionShape& s) {
  return s.winograd && s.kernel_height == kWinogradTaps && s.kernel_width == kWinogradTaps && s.stride == 1 &&
         s.pad < kWinogradTaps && s.in_channels >= kFewChannels && s.out_channels >= kFewChannels &&
         s.out_height() >= kWinogradOutputs && s.out_width() >= kWinogradOutputs;
}

int64_t winograd_scratch(const ConvolutionShape& s, int64_t columns) {
  int64_t block = 0;
  for (int64_t n = kLineFloats; n <= columns; n += kLineFloats) block = std::max(block, block_floats(s, n));
  return weight_floats(s) + block;
}

void winograd_fprop(const ConvolutionShape& s, int64_t columns, const float* in, const float* weights,
                    const float* bias, float* out, float* scratch) {
  transform_weights(s, weights, false, scratch);
  const int64_t channels = round_up(s.in_channels, kLanes);
  convolve(inputs_of(s, columns), in, outputs_of(s, columns), out, s.pad, bias, false,
           weights_distance(s, channels), channels, 1, scratch, scratch + weight_floats(s));
}

void winograd_bprop(const ConvolutionShape& s, int64_t columns, const float* out_delta, const float* weights,
                    bool accumulate, float* in_delta, float* scratch) {
  transform_weights(s, weights, true, scratch);
  const int64_t channels = round_up(s.in_channels, kLanes);
  convolve(outputs_of(s, columns), out_delta, inputs_of(s, columns), in_delta, kWinogradTaps - 1 - s.pad,
           nullptr, accumulate, weights_distance(s, channels), 1, channels, scratch,
           scratch + weight_floats(s));
}

void winograd_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch) {
  const Tiles tiles = tiles_of(s.out_height(), s.out_width());
  const int64_t at_once = tiles_at_once(s.in_channels + s.out_channels, tiles, columns);
  float* sums = scratch;
  float* deltas = sums + weight_floats(s);
  for (Block block{0, 0}; block.end < tiles.count();) {
    block = {block.end, std::min(block.end + at_once, tiles.count())};
    const int64_t length = block.length(columns);
    const int64_t distance = s.out_channels * length + kLineFloats;
    const Points sources{deltas + kPoints * distance, length,
                         round_up(s.in_channels, kTileColumns) / kTileColumns};
    transform_deltas(outputs_of(s, columns), out_delta, tiles, block, distance, deltas);
    transform_patches_transposed(inputs_of(s, columns), in, tiles, s.pad, block, sources);
    add_gradients(s, deltas, distance, sources, block.begin > 0, sums);
  }
  transform_gradients(s, sums, accumulate, gradient);
}

}  // namespace lockstep::kernels
