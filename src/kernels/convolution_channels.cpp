#include "convolution_channels.h"

#include "convolution_extent.h"
#include "lockstep/core/error.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

constexpr int64_t kFillPercent = 75;         // of the vectors, at least
constexpr int64_t kChunkFloats = 64 * 1024;  // of transposed input that is used again for every tap

int64_t panels_of(const ConvolutionShape& s) { return (s.in_channels + kTileColumns - 1) / kTileColumns; }
int64_t panel_floats(const ConvolutionShape& s, int64_t columns) {
  return s.in_height * s.in_width * columns * kTileColumns;
}

// To [panel][y][x][column][kTileColumns channels], zeros beyond the last channel.
void transpose_channels(const ConvolutionShape& s, int64_t columns, const float* in, float* out) {
  const int64_t plane = s.in_height * s.in_width * columns;
  for (int64_t c = 0; c < panels_of(s) * kTileColumns; c += kLanes) {
    float* panel = out + c / kTileColumns * panel_floats(s, columns) + c % kTileColumns;
    for (int64_t place = 0; place < plane; place += kLanes) {
      Vector rows[kLanes];
      for (int64_t l = 0; l < kLanes; ++l) {
        rows[l] = c + l < s.in_channels ? load(in + (c + l) * plane + place) : Vector{};
      }
      transpose(rows);
      for (int64_t l = 0; l < kLanes; ++l) store(rows[l], panel + (place + l) * kTileColumns);
    }
  }
}

// One tap of one panel, over some output rows: sums[o][channel] += delta[o][place] input[place][channel].
struct TapRows {
  const float* delta;  // of output channel 0
  int64_t delta_channel;
  const float* in;  // the panel
  Extent rows, cells;
  int64_t i, j;
};

template <int Rows>
void add_rows(const ConvolutionShape& s, int64_t columns, const TapRows& t, const float* delta, float* to,
              int64_t to_channel) {
  TileSums<Rows> sums;
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) sums.of[r][v] = load(to + r * to_channel + v * kLanes);
  }
  // A row is one run where neighbours are neighbours in the input too.
  const int64_t run = s.stride == 1 ? t.cells.end - t.cells.begin : 1;
  for (int64_t y = t.rows.begin; y < t.rows.end; ++y) {
    const int64_t in_row = (y * s.stride + t.i - s.pad) * s.in_width;
    for (int64_t x = t.cells.begin; x < t.cells.end; x += run) {
      const int64_t in_cell = in_row + x * s.stride + t.j - s.pad;
      add_product(run * columns, delta + (y * s.out_width() + x) * columns, t.delta_channel, 1,
                  t.in + in_cell * columns * kTileColumns, sums);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) store(sums.of[r][v], to + r * to_channel + v * kLanes);
  }
}

// sums[o][i][j][channel of the panel]
void add_panel(const ConvolutionShape& s, int64_t columns, const float* panel, const float* out_delta,
               float* sums) {
  const int64_t window = s.kernel_height * s.kernel_width;
  const int64_t at_once = rows_at_once(s.out_channels);
  const int64_t row_floats = s.stride * s.in_width * columns * kTileColumns;
  const int64_t chunk = std::max<int64_t>(kChunkFloats / row_floats, 1);
  TapRows t{out_delta, s.out_height() * s.out_width() * columns, panel, {0, 0}, {0, 0}, 0, 0};
  for (int64_t y = 0; y < s.out_height(); y += chunk) {
    for (int64_t o = 0; o < s.out_channels; o += at_once) {
      for (t.i = 0; t.i < s.kernel_height; ++t.i) {
        const Extent inside = outputs_inside(t.i, s.stride, s.pad, s.in_height, s.out_height());
        t.rows = {std::max(y, inside.begin), std::min(y + chunk, inside.end)};
        for (t.j = 0; t.j < s.kernel_width; ++t.j) {
          t.cells = outputs_inside(t.j, s.stride, s.pad, s.in_width, s.out_width());
          float* to = sums + (o * window + t.i * s.kernel_width + t.j) * kTileColumns;
          with_rows(std::min(at_once, s.out_channels - o), [&](auto rows) {
            add_rows<rows.value>(s, columns, t, t.delta + o * t.delta_channel, to, window * kTileColumns);
          });
        }
      }
    }
  }
}

}  // namespace

bool has_channels_grad(const ConvolutionShape& s) {
  return 100 * s.in_channels >= kFillPercent * panels_of(s) * kTileColumns;
}

std::string channels_grad_rule() {
  return text("channels in vectors of ", kTileColumns, ", ", kFillPercent, " % of them filled");
}

int64_t channels_grad_scratch(const ConvolutionShape& s, int64_t columns) {
  return panels_of(s) * panel_floats(s, columns) +
         s.out_channels * s.kernel_height * s.kernel_width * kTileColumns;
}

void channels_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch) {
  const int64_t window = s.kernel_height * s.kernel_width;
  float* sums = scratch;
  float* transposed = sums + s.out_channels * window * kTileColumns;
  transpose_channels(s, columns, in, transposed);
  for (int64_t p = 0; p < panels_of(s); ++p) {
    std::fill_n(sums, s.out_channels * window * kTileColumns, 0.0f);
    add_panel(s, columns, transposed + p * panel_floats(s, columns), out_delta, sums);
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

}  // namespace lockstep::kernels
