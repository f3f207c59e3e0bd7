// The transforms of F(4x4, 3x3) in one dimension; each is applied to the rows and then to the columns.
//
// Type is a Vector, one lane a sample or a channel.
#pragma once

namespace lockstep::kernels {

constexpr int kWinogradOutputs = 4;  // of a tile, in each dimension
constexpr int kWinogradTaps = 3;
constexpr int kWinogradPatch = 6;  // inputs that a tile reads, and points

// B^T: 6 inputs to 6 points.
template <class Type>
inline void patch_to_points(const Type (&d)[6], Type (&v)[6]) {
  const Type a = d[4] - 4.0f * d[2];
  const Type b = d[3] - 4.0f * d[1];
  const Type c = d[4] - d[2];
  const Type e = 2.0f * (d[3] - d[1]);
  v[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  v[1] = a + b;
  v[2] = a - b;
  v[3] = c + e;
  v[4] = c - e;
  v[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

// A^T: 6 points to 4 outputs.
template <class Type>
inline void points_to_outputs(const Type (&m)[6], Type (&y)[4]) {
  const Type sum12 = m[1] + m[2];
  const Type difference12 = m[1] - m[2];
  const Type sum34 = m[3] + m[4];
  const Type difference34 = m[3] - m[4];
  y[0] = m[0] + sum12 + sum34;
  y[1] = difference12 + 2.0f * difference34;
  y[2] = sum12 + 4.0f * sum34;
  y[3] = difference12 + 8.0f * difference34 + m[5];
}

// A: 4 derivatives of outputs to 6 points, the transpose of points_to_outputs().
template <class Type>
inline void outputs_to_points(const Type (&y)[4], Type (&m)[6]) {
  const Type even = y[0] + y[2];
  const Type odd = y[1] + y[3];
  const Type even_far = y[0] + 4.0f * y[2];
  const Type odd_far = 2.0f * y[1] + 8.0f * y[3];
  m[0] = y[0];
  m[1] = even + odd;
  m[2] = even - odd;
  m[3] = even_far + odd_far;
  m[4] = even_far - odd_far;
  m[5] = y[3];
}

// G: 3 weights to 6 points.
template <class Type>
inline void taps_to_points(const Type (&g)[3], Type (&u)[6]) {
  const Type outer = g[0] + g[2];
  const Type far = (1.0f / 24) * g[0] + (1.0f / 6) * g[2];
  u[0] = 0.25f * g[0];
  u[1] = (-1.0f / 6) * (outer + g[1]);
  u[2] = (-1.0f / 6) * (outer - g[1]);
  u[3] = far + (1.0f / 12) * g[1];
  u[4] = far - (1.0f / 12) * g[1];
  u[5] = g[2];
}

// G^T: 6 points to 3 derivatives of weights, the transpose of taps_to_points().
template <class Type>
inline void points_to_taps(const Type (&u)[6], Type (&g)[3]) {
  const Type near = (-1.0f / 6) * (u[1] + u[2]);
  const Type far = u[3] + u[4];
  g[0] = 0.25f * u[0] + near + (1.0f / 24) * far;
  g[1] = (-1.0f / 6) * (u[1] - u[2]) + (1.0f / 12) * (u[3] - u[4]);
  g[2] = near + (1.0f / 6) * far + u[5];
}

// A square of values through a transform of its rows, then of its columns. get(i, row) reads row i, and
// put(i * Out + j, value) takes each result. Unrolled, so that values stay in registers as far as these go.
template <class Type, int In, int Out, class Get, class Transform, class Put>
[[gnu::always_inline]] inline void in_two_dimensions(const Get& get, const Transform& transform,
                                                     const Put& put) {
  Type rows[In][Out];
#pragma GCC unroll 6
  for (int i = 0; i < In; ++i) {
    Type row[In];
    get(i, row);
    transform(row, rows[i]);
  }
#pragma GCC unroll 6
  for (int j = 0; j < Out; ++j) {
    Type column[In];
    Type result[Out];
#pragma GCC unroll 6
    for (int i = 0; i < In; ++i) column[i] = rows[i][j];
    transform(column, result);
#pragma GCC unroll 6
    for (int i = 0; i < Out; ++i) put(i * Out + j, result[i]);
  }
}

}  // namespace lockstep::kernels
