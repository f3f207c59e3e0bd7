#include "convolution_pixels.h"

#include <algorithm>
#include <vector>

#include "packing.h"
#include "register_tile.h"

namespace lockstep::kernels {

namespace {

constexpr int kAhead = 4;  // vectors beyond a pixel's own whose memory is asked for

// One tap that reads inside the picture: where its source and its weight lie, from the pixel's and the
// channel's.
struct Tap {
  int64_t source;
  int64_t weight;
};

// The taps of a pixel's window in one dimension: a source's place from the pixel's own, and the tap's number.
struct Step {
  int64_t source;
  int64_t tap;
  bool operator==(const Step&) const = default;
};

// What the sums of one output pixel need. A value of channel r is the sum over source channels k and taps t
// of weights[r * row + k * step + t.weight] * source[k * channel + t.source], products of words.
struct Sum {
  const float* source;  // of the pixel, channel 0
  int64_t channels;     // of the source, in words
  int64_t channel;      // floats from one to the next
  const float* weights;
  int64_t row;
  int64_t step;
  const std::vector<Tap>* taps;
};

template <class Arithmetic, int Rows, int Vectors>
void sum_pixel(const Sum& s, const float* weights, const float* bias, bool accumulate, float* out,
               int64_t out_channel) {
  Vector sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sum[r][v] = accumulate ? load(out + r * out_channel + v * kLanes)
                             : Vector{} + (bias != nullptr ? bias[r] : 0.0f);
    }
  }
  // The channels' outputs lie too far apart for the processor to foresee those of the next pixels.
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) __builtin_prefetch(out + r * out_channel + (v + kAhead) * kLanes, 1);
  }
  const float* source = s.source;
  for (int64_t k = 0; k < s.channels; ++k, source += s.channel, weights += s.step) {
    for (const Tap& tap : *s.taps) {
      Vector values[Vectors];
      for (int v = 0; v < Vectors; ++v) values[v] = load(source + tap.source + v * kLanes);
      for (int r = 0; r < Rows; ++r) {
        const float weight = weights[tap.weight + r * s.row];
        for (int v = 0; v < Vectors; ++v) sum[r][v] = Arithmetic::add_product(sum[r][v], weight, values[v]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) store(sum[r][v], out + r * out_channel + v * kLanes);
  }
}

// One convolution, whichever way it goes; its sources' channels and its weights are words.
struct Direction {
  int64_t out_channels, out_height, out_width;
  int64_t in_channels, in_height, in_width;
  int64_t kernel_width;
  int64_t row, step;  // of the weights
  const float* weights;
  const float* bias;
  bool accumulate;
};

template <class Arithmetic, int Vectors>
void sum_channels(const Direction& d, const Sum& sum, int64_t out_channel, float* out) {
  const int64_t at_once = rows_at_once(d.out_channels);
  for (int64_t r = 0; r < d.out_channels; r += at_once) {
    with_rows(std::min(at_once, d.out_channels - r), [&](auto rows) {
      sum_pixel<Arithmetic, rows.value, Vectors>(sum, sum.weights + r * sum.row,
                                                 d.bias == nullptr ? nullptr : d.bias + r, d.accumulate,
                                                 out + r * out_channel, out_channel);
    });
  }
}

// `down(y)` and `across(x)` give the steps of an output's window.
template <class Arithmetic, class Down, class Across>
void sum_pixels(const Direction& d, int64_t columns, const float* in, float* out, const Down& down,
                const Across& across) {
  std::vector<std::vector<Step>> across_of;
  for (int64_t x = 0; x < d.out_width; ++x) across_of.push_back(across(x));
  const int64_t out_channel = d.out_height * d.out_width * columns;
  const int64_t in_channel = d.in_height * d.in_width * columns;
  std::vector<Tap> taps;
  for (int64_t y = 0; y < d.out_height; ++y) {
    const std::vector<Step> rows = down(y);
    for (int64_t x = 0; x < d.out_width; ++x) {
      const std::vector<Step>& cells = across_of[static_cast<size_t>(x)];
      taps.clear();
      for (const Step& i : rows) {
        for (const Step& j : cells) {
          taps.push_back({(i.source * d.in_width + j.source) * columns, i.tap * d.kernel_width + j.tap});
        }
      }
      float* to = out + (y * d.out_width + x) * columns;
      Sum sum{in, d.in_channels, in_channel, d.weights, d.row, d.step, &taps};
      int64_t n = 0;
      for (; n + kTileColumns <= columns; n += kTileColumns, sum.source += kTileColumns) {
        sum_channels<Arithmetic, kTileVectors>(d, sum, out_channel, to + n);
      }
      if (n < columns) sum_channels<Arithmetic, 1>(d, sum, out_channel, to + n);
    }
  }
}

// The inputs that an output at `place` reads.
std::vector<Step> forward_steps(int64_t place, int64_t kernel, int64_t stride, int64_t pad, int64_t size) {
  std::vector<Step> steps;
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t source = place * stride + tap - pad;
    if (source >= 0 && source < size) steps.push_back({source, tap});
  }
  return steps;
}

// The outputs that read an input at `place`.
std::vector<Step> backward_steps(int64_t place, int64_t kernel, int64_t stride, int64_t pad, int64_t size) {
  std::vector<Step> steps;
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t scaled = place + pad - tap;
    if (scaled >= 0 && scaled % stride == 0 && scaled / stride < size)
      steps.push_back({scaled / stride, tap});
  }
  return steps;
}

template <class Arithmetic>
void fprop_in(const ConvolutionShape& s, int64_t columns, const float* in, const float* weights,
              const float* bias, float* out) {
  const int64_t channels = words_for<Arithmetic>(s.in_channels);
  const int64_t window = s.kernel_height * s.kernel_width;
  const Direction d{s.out_channels, s.out_height(),    s.out_width(), channels, s.in_height, s.in_width,
                    s.kernel_width, channels * window, window,        weights,  bias,        false};
  sum_pixels<Arithmetic>(
      d, columns, in, out,
      [&](int64_t y) { return forward_steps(y, s.kernel_height, s.stride, s.pad, s.in_height); },
      [&](int64_t x) { return forward_steps(x, s.kernel_width, s.stride, s.pad, s.in_width); });
}

template <class Arithmetic>
void bprop_in(const ConvolutionShape& s, int64_t columns, const float* out_delta, const float* weights,
              bool accumulate, float* in_delta) {
  const Direction d{s.in_channels,  s.in_height,   s.in_width,     words_for<Arithmetic>(s.out_channels),
                    s.out_height(), s.out_width(), s.kernel_width, s.kernel_height * s.kernel_width,
                    s.taps(),       weights,       nullptr,        accumulate};
  sum_pixels<Arithmetic>(
      d, columns, out_delta, in_delta,
      [&](int64_t y) { return backward_steps(y, s.kernel_height, s.stride, s.pad, s.out_height()); },
      [&](int64_t x) { return backward_steps(x, s.kernel_width, s.stride, s.pad, s.out_width()); });
}

// Words of weights, either way: pairs of input channels or of output channels.
int64_t weight_words(const ConvolutionShape& s) {
  const int64_t window = s.kernel_height * s.kernel_width;
  return std::max(s.out_channels * words_for<Bf16>(s.in_channels) * window,
                  words_for<Bf16>(s.out_channels) * s.taps());
}

}  // namespace

int64_t pixels_scratch(const ConvolutionShape& s, int64_t columns) {
  if (s.precision == Precision::kFloat32) return 0;
  const int64_t in = words_for<Bf16>(s.in_channels) * s.in_height * s.in_width;
  const int64_t out = words_for<Bf16>(s.out_channels) * s.out_height() * s.out_width();
  return weight_words(s) + std::max(in, out) * columns;
}

void pixels_fprop(const ConvolutionShape& s, int64_t columns, const float* in, const float* weights,
                  const float* bias, float* out, float* scratch) {
  if (s.precision == Precision::kFloat32) return fprop_in<Float32>(s, columns, in, weights, bias, out);
  const int64_t row = words_for<Bf16>(s.in_channels) * s.kernel_height * s.kernel_width;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    pair_halves(weights + o * s.taps(), s.in_channels, s.kernel_height * s.kernel_width, scratch + o * row);
  }
  float* sources = scratch + weight_words(s);
  pair_halves(in, s.in_channels, s.in_height * s.in_width * columns, sources);
  fprop_in<Bf16>(s, columns, sources, scratch, bias, out);
}

void pixels_bprop(const ConvolutionShape& s, int64_t columns, const float* out_delta, const float* weights,
                  bool accumulate, float* in_delta, float* scratch) {
  if (s.precision == Precision::kFloat32) {
    return bprop_in<Float32>(s, columns, out_delta, weights, accumulate, in_delta);
  }
  pair_halves(weights, s.out_channels, s.taps(), scratch);
  float* sources = scratch + weight_words(s);
  pair_halves(out_delta, s.out_channels, s.out_height() * s.out_width() * columns, sources);
  bprop_in<Bf16>(s, columns, sources, scratch, accumulate, in_delta);
}

}  // namespace lockstep::kernels
