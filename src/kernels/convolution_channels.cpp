#include "convolution_channels.h"

#include "convolution_extent.h"
#include "lockstep/core/error.h"
#include "packing.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

constexpr int64_t kFillPercent = 75;  // of the vectors, at least
constexpr int64_t kFillPercentBf16 = 50;
constexpr int64_t kChunkFloats = 64 * 1024;  // of transposed input that is used again for every tap

// Below, a cell of a picture is `words`: its columns, in pairs where the arithmetic is bf16.
int64_t panel_words(const ConvolutionShape& s, int64_t words) {
  return s.in_height * s.in_width * words * kTileColumns;
}
int64_t delta_words(const ConvolutionShape& s, int64_t words) {
  return s.out_channels * s.out_height() * s.out_width() * words;
}
int64_t sums_floats(const ConvolutionShape& s) {
  return s.out_channels * s.kernel_height * s.kernel_width * kTileColumns;
}

// One tap of one panel, over some output rows: sums[o][channel] += delta[o][place] input[place][channel].
struct TapRows {
  const float* delta;  // of output channel 0
  int64_t delta_channel;
  const float* in;  // the panel
  Extent rows, cells;
  int64_t i, j;
};

template <class Arithmetic, int Rows>
void add_rows(const ConvolutionShape& s, int64_t words, const TapRows& t, const float* delta, float* to,
              int64_t to_channel) {
  TileSums<Rows> sums;
  load_sums(to, to_channel, sums);
  // A row is one run where neighbours are neighbours in the input too.
  const int64_t run = s.stride == 1 ? t.cells.end - t.cells.begin : 1;
  for (int64_t y = t.rows.begin; y < t.rows.end; ++y) {
    const int64_t in_row = (y * s.stride + t.i - s.pad) * s.in_width;
    for (int64_t x = t.cells.begin; x < t.cells.end; x += run) {
      const int64_t in_cell = in_row + x * s.stride + t.j - s.pad;
      add_product<Arithmetic>(run * words, delta + (y * s.out_width() + x) * words, t.delta_channel, 1,
                              t.in + in_cell * words * kTileColumns, sums);
    }
  }
  store_sums(sums, to_channel, to);
}

// sums[o][i][j][channel of the panel]
template <class Arithmetic>
void add_panel(const ConvolutionShape& s, int64_t words, const float* panel, const float* out_delta,
               float* sums) {
  const int64_t window = s.kernel_height * s.kernel_width;
  const int64_t at_once = rows_at_once(s.out_channels);
  const int64_t row_floats = s.stride * s.in_width * words * kTileColumns;
  const int64_t chunk = std::max<int64_t>(kChunkFloats / row_floats, 1);
  TapRows t{out_delta, s.out_height() * s.out_width() * words, panel, {0, 0}, {0, 0}, 0, 0};
  for (int64_t y = 0; y < s.out_height(); y += chunk) {
    for (int64_t o = 0; o < s.out_channels; o += at_once) {
      for (t.i = 0; t.i < s.kernel_height; ++t.i) {
        const Extent inside = outputs_inside(t.i, s.stride, s.pad, s.in_height, s.out_height());
        t.rows = {std::max(y, inside.begin), std::min(y + chunk, inside.end)};
        for (t.j = 0; t.j < s.kernel_width; ++t.j) {
          t.cells = outputs_inside(t.j, s.stride, s.pad, s.in_width, s.out_width());
          float* to = sums + (o * window + t.i * s.kernel_width + t.j) * kTileColumns;
          with_rows(std::min(at_once, s.out_channels - o), [&](auto rows) {
            add_rows<Arithmetic, rows.value>(s, words, t, t.delta + o * t.delta_channel, to,
                                             window * kTileColumns);
          });
        }
      }
    }
  }
}

// `transposed` and `delta` are in words.
template <class Arithmetic>
void sum_panels(const ConvolutionShape& s, int64_t words, const float* transposed, const float* delta,
                bool accumulate, float* gradient, float* sums) {
  const int64_t window = s.kernel_height * s.kernel_width;
  for (int64_t p = 0; p < panels_for(s.in_channels); ++p) {
    std::fill_n(sums, sums_floats(s), 0.0f);
    add_panel<Arithmetic>(s, words, transposed + p * panel_words(s, words), delta, sums);
    const int64_t channels = std::min(kTileColumns, s.in_channels - p * kTileColumns);
    for (int64_t o = 0; o < s.out_channels; ++o) {
      for (int64_t c = 0; c < channels; ++c) {
        float* to = gradient + (o * s.in_channels + p * kTileColumns + c) * window;
        const float* from = sums + o * window * kTileColumns + c;
        for (int64_t w = 0; w < window; ++w) to[w] = (accumulate ? to[w] : 0.0f) + from[w * kTileColumns];
      }
    }
  }
}

// A rounded operand costs half as much, so that vectors filled to half are as fast as unfolding.
int64_t least_fill(Precision precision) {
  return precision == Precision::kBf16 ? kFillPercentBf16 : kFillPercent;
}

}  // namespace

bool has_channels_grad(const ConvolutionShape& s) {
  return 100 * s.in_channels >= least_fill(s.precision) * panels_for(s.in_channels) * kTileColumns;
}

std::string channels_grad_rule(Precision precision) {
  return text("channels in vectors of ", kTileColumns, ", ", least_fill(precision), " % of them filled");
}

int64_t channels_grad_scratch(const ConvolutionShape& s, int64_t columns) {
  const bool pairs = s.precision == Precision::kBf16;
  const int64_t words = pairs ? words_for<Bf16>(columns) : columns;
  return sums_floats(s) + panels_for(s.in_channels) * panel_words(s, words) +
         (pairs ? delta_words(s, words) : 0);
}

void channels_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch) {
  const int64_t plane = s.in_height * s.in_width * columns;
  float* transposed = scratch + sums_floats(s);
  if (s.precision == Precision::kFloat32) {
    rows_to_panels<Float32>(s.in_channels, plane, in, plane, transposed);
    return sum_panels<Float32>(s, columns, transposed, out_delta, accumulate, gradient, scratch);
  }
  const int64_t words = words_for<Bf16>(columns);
  float* delta = transposed + panels_for(s.in_channels) * panel_words(s, words);
  rows_to_panels<Bf16>(s.in_channels, plane, in, plane, transposed);
  pair_neighbours(out_delta, delta_words(s, columns), delta);
  sum_panels<Bf16>(s, words, transposed, delta, accumulate, gradient, scratch);
}

}  // namespace lockstep::kernels
