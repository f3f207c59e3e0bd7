// The kernels alone, on one thread: GFLOP/s and bytes for the shapes of the networks in launch/.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "lockstep/core/buffer.h"
#include "lockstep/data/unpack.h"
#include "lockstep/kernels/convolution.h"
#include "lockstep/kernels/dense_gradient.h"
#include "lockstep/kernels/dense_product.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/kernels/pooling.h"

namespace {

using namespace lockstep;
using namespace lockstep::kernels;

Buffer filled(int64_t floats) {
  Buffer buffer(floats);
  for (int64_t i = 0; i < floats; ++i) buffer.data()[i] = static_cast<float>(i % 101) * 0.01f - 0.5f;
  return buffer;
}

void report(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

// in channels, size, out channels, kernel, pad, columns
struct Conv {
  ConvolutionShape shape;
  int64_t columns;
  Buffer in, out, weights, scratch;
  explicit Conv(const benchmark::State& state)
      : shape{state.range(0),
              state.range(1),
              state.range(1),
              state.range(2),
              state.range(3),
              state.range(3),
              1,
              state.range(4)},
        columns(state.range(5)),
        in(filled(shape.in_channels * shape.in_height * shape.in_width * columns)),
        out(filled(shape.out_channels * shape.out_height() * shape.out_width() * columns)),
        weights(filled(shape.out_channels * shape.taps())),
        scratch(filled(convolution_scratch(shape, columns))) {
    use_one_thread();
  }
  double flops() const {
    return 2.0 * static_cast<double>(shape.out_channels * shape.taps() * shape.out_height() *
                                     shape.out_width() * columns);
  }
};

void conv_fprop(benchmark::State& state) {
  Conv c(state);
  for (auto _ : state) {
    convolution_fprop(c.shape, c.columns, c.in.data(), c.weights.data(), nullptr, c.out.data(),
                      c.scratch.data());
  }
  report(state, c.flops());
}

void conv_bprop(benchmark::State& state) {
  Conv c(state);
  for (auto _ : state) {
    convolution_bprop(c.shape, c.columns, c.out.data(), c.weights.data(), false, c.in.data(),
                      c.scratch.data());
  }
  report(state, c.flops());
}

void conv_grad(benchmark::State& state) {
  Conv c(state);
  for (auto _ : state) {
    convolution_grad(c.shape, c.columns, c.in.data(), c.out.data(), false, c.weights.data(),
                     c.scratch.data());
  }
  report(state, c.flops());
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "size", "out", "kernel", "pad", "columns"});
  b->Args({1, 28, 20, 5, 0, 32});
  b->Args({20, 12, 50, 5, 0, 32});
  b->Args({64, 32, 64, 3, 1, 16});
  b->Args({16, 32, 16, 3, 1, 32});
  b->Args({32, 16, 32, 3, 1, 32});
  b->Args({64, 8, 64, 3, 1, 32});
  b->Args({128, 16, 128, 3, 1, 32});
  b->Args({3, 32, 32, 5, 2, 32});
  b->Args({32, 16, 32, 5, 2, 32});
  b->Args({256, 8, 256, 3, 1, 32});
}

BENCHMARK(conv_fprop)->Apply(shapes);
BENCHMARK(conv_bprop)->Apply(shapes);
BENCHMARK(conv_grad)->Apply(shapes);

void product(benchmark::State& state, Precision precision, Transpose transpose, int64_t rows, int64_t columns,
             int64_t terms) {
  use_one_thread();
  Buffer matrix = filled(rows * terms);
  Buffer in = filled(terms * columns);
  Buffer bias = filled(rows);
  Buffer out = filled(rows * columns);
  Buffer scratch = filled(gemm_scratch(precision));
  for (auto _ : state) {
    dense_product(precision, rows, columns, terms, {matrix.data(), transpose}, in.data(), bias.data(), false,
                  out.data(), scratch.data());
  }
  report(state, 2.0 * static_cast<double>(rows * columns * terms));
}

// units, inputs, columns
void linear_fprop(benchmark::State& state, Precision precision) {
  product(state, precision, Transpose::kNo, state.range(0), state.range(2), state.range(1));
}
void linear_bprop(benchmark::State& state, Precision precision) {
  product(state, precision, Transpose::kYes, state.range(1), state.range(2), state.range(0));
}
void linear_grad(benchmark::State& state) {
  const int64_t units = state.range(0);
  const int64_t inputs = state.range(1);
  const int64_t columns = state.range(2);
  use_one_thread();
  Buffer delta = filled(units * columns);
  Buffer in = filled(inputs * columns);
  Buffer gradient = filled(units * inputs);
  for (auto _ : state) {
    gemm(Transpose::kNo, Transpose::kYes, units, inputs, columns, delta.data(), columns, in.data(), columns,
         0.0f, gradient.data(), inputs);
  }
  report(state, 2.0 * static_cast<double>(units * inputs * columns));
}

void layers(benchmark::internal::Benchmark* b) {
  b->ArgNames({"units", "inputs", "columns"});
  b->Args({1000, 784, 64})
      ->Args({784, 1000, 64})
      ->Args({500, 800, 32})
      ->Args({30, 250, 64})
      ->Args({10, 500, 32});
}

BENCHMARK_CAPTURE(linear_fprop, float32, Precision::kFloat32)->Apply(layers);
BENCHMARK_CAPTURE(linear_bprop, float32, Precision::kFloat32)->Apply(layers);
BENCHMARK_CAPTURE(linear_fprop, bf16, Precision::kBf16)->Apply(layers);
BENCHMARK_CAPTURE(linear_bprop, bf16, Precision::kBf16)->Apply(layers);
BENCHMARK(linear_grad)->Apply(layers);

// Two microbatches' gradients at once, as wide dense layers compute them.
void linear_joint_grad(benchmark::State& state) {
  const int64_t units = state.range(0);
  const int64_t inputs = state.range(1);
  const int64_t columns = state.range(2);
  const Buffer delta = filled(units * columns);
  const Buffer in = filled(inputs * columns);
  Buffer kept = filled(2 * dense_sample_floats(Precision::kFloat32, inputs, units, columns));
  Buffer gradient = filled(units * inputs);
  std::array<DenseSample, 2> samples;
  for (int64_t m = 0; m < 2; ++m) {
    float* to = kept.data() + m * dense_sample_floats(Precision::kFloat32, inputs, units, columns);
    keep_dense_sample(Precision::kFloat32, inputs, units, columns, in.data(), delta.data(), to);
    samples[static_cast<size_t>(m)] = {to, columns};
  }
  const std::array<int, 2> merges = {0, 1};
  for (auto _ : state) {
    dense_gradient(Precision::kFloat32, inputs, 0, units, samples, merges, gradient.data());
  }
  report(state, 4.0 * static_cast<double>(units * inputs * columns));
}
BENCHMARK(linear_joint_grad)->Apply(layers);

// channels, size, window
void maxpool(benchmark::State& state) {
  const PoolingShape shape{state.range(0), state.range(1), state.range(1), 2, 2};
  constexpr int64_t kColumns = 32;
  Buffer in = filled(shape.channels * shape.in_height * shape.in_width * kColumns);
  Buffer out = filled(shape.channels * shape.out_height() * shape.out_width() * kColumns);
  std::vector<uint8_t> place(static_cast<size_t>(out.size()));
  const bool forward = state.range(2) == 1;
  for (auto _ : state) {
    if (forward) {
      maxpool_fprop(shape, kColumns, in.data(), out.data(), place.data());
    } else {
      maxpool_bprop(shape, kColumns, out.data(), place.data(), false, in.data());
    }
  }
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(in.size()) * 4e-9,
                                              benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(maxpool)
    ->ArgNames({"channels", "size", "forward"})
    ->Args({20, 24, 1})
    ->Args({20, 24, 0})
    ->Args({50, 8, 1});

// A microbatch of 32 pictures of CIFAR-10's shape out of 4096, as bytes: normalised, and cropped and mirrored
// too.
void unpack(benchmark::State& state) {
  constexpr int64_t kPictures = 4096;
  constexpr int64_t kSamples = 32;
  io::DatasetInfo info;
  info.sample_dims = {3, state.range(1), state.range(1)};
  info.scale = 1 / 255.0;
  Options options;
  options.normalise = "0.49,0.48,0.45/0.25,0.24,0.26";
  if (state.range(0) == 1) options.augment = "crop 4, flip";
  const data::Unpacker unpacker(options, info);
  const int64_t size = Shape::from_dims(info.sample_dims).size();
  std::vector<unsigned char> pictures(static_cast<size_t>(kPictures * size));
  for (size_t i = 0; i < pictures.size(); ++i) pictures[i] = static_cast<unsigned char>(i * i >> 3);
  data::Samples samples;
  for (int64_t n = 0; n < kPictures; ++n) {
    samples.indices.push_back(n * 37 % kPictures);
    samples.inputs.push_back(pictures.data() + samples.indices.back() * size);
  }
  Buffer out(size * kSamples);
  int64_t first = 0;
  for (auto _ : state) {
    unpacker.unpack(samples, first, kSamples, 1, kSamples, out.data());
    first = (first + kSamples) % kPictures;
  }
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(out.size()) * 4e-9,
                                              benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(unpack)
    ->ArgNames({"augmented", "size"})
    ->Args({0, 32})
    ->Args({1, 32})
    ->Args({0, 28})
    ->Args({1, 28});

}  // namespace
