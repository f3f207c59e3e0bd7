// Convolution as matrix products over unfolded rows of the picture, a few rows at a time so that they stay in
// cache. With samples innermost, a row of a tap is one contiguous copy.
#include "convolution_unfolded.h"

#include <algorithm>

#include "lockstep/kernels/gemm.h"

namespace lockstep::kernels {

namespace {

constexpr int64_t kUnfoldedFloats = 96 * 1024;  // aimed at: well inside a core's second-level cache

int64_t rows_at_once(const ConvolutionShape& shape, int64_t columns) {
  const int64_t row = shape.taps() * shape.out_width() * columns;
  return std::clamp<int64_t>(kUnfoldedFloats / row, 1, shape.out_height());
}

// Calls visit(tap, y, inside, x_begin, x_end, in_offset) for each tap and output row of a chunk: the outputs
// x_begin to x_end read inside the picture, the first of them at in_offset; the others read padding.
template <class Visit>
void for_each_tap_row(const ConvolutionShape& s, int64_t columns, int64_t first_row, int64_t rows,
                      const Visit& visit) {
  int64_t tap = 0;
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t i = 0; i < s.kernel_height; ++i) {
      for (int64_t j = 0; j < s.kernel_width; ++j, ++tap) {
        const int64_t left = std::max<int64_t>(0, (s.pad - j + s.stride - 1) / s.stride);
        const int64_t right = std::min(s.out_width(), (s.in_width - 1 + s.pad - j) / s.stride + 1);
        for (int64_t row = 0; row < rows; ++row) {
          const int64_t y = (first_row + row) * s.stride + i - s.pad;
          const bool inside = y >= 0 && y < s.in_height && right > left && s.in_width - 1 + s.pad >= j;
          const int64_t x = left * s.stride + j - s.pad;
          visit(tap, row, inside ? left : 0, inside ? right : 0,
                ((c * s.in_height + y) * s.in_width + x) * columns);
        }
      }
    }
  }
}

// unfolded[tap][row][x][column], zeros where a tap lies outside the picture.
void unfold(const ConvolutionShape& s, int64_t columns, const float* in, int64_t first_row, int64_t rows,
            float* unfolded) {
  const int64_t width = s.out_width();
  for_each_tap_row(
      s, columns, first_row, rows, [&](int64_t tap, int64_t row, int64_t begin, int64_t end, int64_t offset) {
        float* out = unfolded + (tap * rows + row) * width * columns;
        std::fill_n(out, begin * columns, 0.0f);
        if (s.stride == 1 && end > begin) {
          std::copy_n(in + offset, (end - begin) * columns, out + begin * columns);
        } else {
          for (int64_t x = begin; x < end; ++x) {
            std::copy_n(in + offset + (x - begin) * s.stride * columns, columns, out + x * columns);
          }
        }
        std::fill_n(out + end * columns, (width - end) * columns, 0.0f);
      });
}

// The transpose of unfold(): adds each tap's row to where it was read.
void fold(const ConvolutionShape& s, int64_t columns, const float* unfolded, int64_t first_row, int64_t rows,
          float* in_delta) {
  const int64_t width = s.out_width();
  for_each_tap_row(s, columns, first_row, rows,
                   [&](int64_t tap, int64_t row, int64_t begin, int64_t end, int64_t offset) {
                     const float* from = unfolded + (tap * rows + row) * width * columns;
                     for (int64_t x = begin; x < end; ++x) {
                       float* to = in_delta + offset + (x - begin) * s.stride * columns;
                       for (int64_t n = 0; n < columns; ++n) to[n] += from[x * columns + n];
                     }
                   });
}

template <class Chunk>
void for_each_chunk(const ConvolutionShape& shape, int64_t columns, const Chunk& chunk) {
  const int64_t step = rows_at_once(shape, columns);
  for (int64_t row = 0; row < shape.out_height(); row += step) {
    const int64_t rows = std::min(step, shape.out_height() - row);
    chunk(row, rows, rows * shape.out_width() * columns, row * shape.out_width() * columns);
  }
}

// Enough for fewer columns too, which take more rows at once.
int64_t unfolded_floats(const ConvolutionShape& shape, int64_t columns) {
  const int64_t row = shape.taps() * shape.out_width() * columns;
  return std::max(row, std::min(kUnfoldedFloats, row * shape.out_height()));
}

}  // namespace

int64_t unfolded_scratch(const ConvolutionShape& shape, int64_t columns) {
  return gemm_scratch(shape.precision) + unfolded_floats(shape, columns);
}

void unfolded_fprop(const ConvolutionShape& s, int64_t columns, const float* in, const float* weights,
                    const float* bias, float* out, float* scratch) {
  const int64_t out_plane = s.out_height() * s.out_width() * columns;
  float* unfolded = scratch + gemm_scratch(s.precision);
  for_each_chunk(s, columns, [&](int64_t row, int64_t rows, int64_t count, int64_t offset) {
    unfold(s, columns, in, row, rows, unfolded);
    gemm(s.precision, Transpose::kNo, Transpose::kNo, s.out_channels, count, s.taps(), weights, s.taps(),
         unfolded, count, false, out + offset, out_plane, scratch);
    if (bias != nullptr) add_to_rows(s.out_channels, count, bias, out + offset, out_plane);
  });
}

void unfolded_bprop(const ConvolutionShape& s, int64_t columns, const float* out_delta, const float* weights,
                    bool accumulate, float* in_delta, float* scratch) {
  const int64_t out_plane = s.out_height() * s.out_width() * columns;
  float* unfolded = scratch + gemm_scratch(s.precision);
  if (!accumulate) std::fill_n(in_delta, s.in_channels * s.in_height * s.in_width * columns, 0.0f);
  for_each_chunk(s, columns, [&](int64_t row, int64_t rows, int64_t count, int64_t offset) {
    gemm(s.precision, Transpose::kYes, Transpose::kNo, s.taps(), count, s.out_channels, weights, s.taps(),
         out_delta + offset, out_plane, false, unfolded, count, scratch);
    fold(s, columns, unfolded, row, rows, in_delta);
  });
}

void unfolded_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                   bool accumulate, float* gradient, float* scratch) {
  const int64_t out_plane = s.out_height() * s.out_width() * columns;
  float* unfolded = scratch + gemm_scratch(s.precision);
  for_each_chunk(s, columns, [&](int64_t row, int64_t rows, int64_t count, int64_t offset) {
    unfold(s, columns, in, row, rows, unfolded);
    gemm(s.precision, Transpose::kNo, Transpose::kYes, s.out_channels, s.taps(), count, out_delta + offset,
         out_plane, unfolded, count, accumulate || row > 0, gradient, s.taps(), scratch);
  });
}

}  // namespace lockstep::kernels
