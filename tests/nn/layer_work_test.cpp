// What each layer says it takes, and which kernels it names.
#include <gtest/gtest.h>

#include "gradient_cases.h"
#include "layer_under_test.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"

namespace lockstep::nn {
namespace {

using kernels::LayerWork;

constexpr int64_t kPanel = 2 * kernels::kLanes;  // channels that weight gradients take at a time

LayerWork work_of(const std::string& line, const std::vector<Shape>& inputs, int64_t samples = 16,
                  const NetworkSettings& settings = {}) {
  return LayerUnderTest(line, inputs, samples, 0, settings).layer().work(kernels::columns_for(samples));
}

LayerWork bf16_work_of(const std::string& line, const Shape& input) {
  return work_of(line, {input}, 16, {.precision = kernels::Precision::kBf16});
}

class LayerWorkOf : public ::testing::TestWithParam<LayerCase> {};
INSTANTIATE_TEST_SUITE_P(Layers, LayerWorkOf, ::testing::ValuesIn(layer_cases()));

TEST_P(LayerWorkOf, NamesOperationsAndKernelOfEachDirection) {
  const LayerUnderTest layer(GetParam().line, GetParam().inputs, 5, 0, {}, GetParam().above);
  const LayerWork work = layer.layer().work(kernels::columns_for(5));
  for (const kernels::Work* direction : {&work.fprop, &work.bprop}) {
    EXPECT_GT(direction->flops, 0);
    EXPECT_NE(direction->kernel, "");
  }
  const bool learns = !layer.layer().parameters().empty();
  EXPECT_EQ(work.grad.flops > 0, learns);
  EXPECT_EQ(!work.grad.kernel.empty(), learns);
  const bool joint = layer.layer().joint_rows() > 0;
  EXPECT_EQ(work.joint_grad.flops > 0, joint);
  EXPECT_EQ(!work.joint_grad.kernel.empty(), joint);
}

TEST(LayerWork, OfAConvolutionIsTwoATapOfEachOutput) {
  // 20 outputs channels of 24 x 24, 5 x 5 taps of one channel: LeNet's first.
  const LayerWork work = work_of("conv 20 kernel=5", {{1, 28, 28}});
  for (const kernels::Work* direction : {&work.fprop, &work.bprop, &work.grad}) {
    EXPECT_EQ(direction->flops, 2.0 * 20 * 24 * 24 * 25);
  }
  EXPECT_EQ(work_of("conv 7 kernel=3 stride=2 pad=1", {{3, 9, 5}}).grad.flops, 2.0 * 7 * 5 * 3 * 27);
}

TEST(LayerWork, OfALinearLayerIsTwoAWeight) {
  for (const char* line : {"linear 500", "linear 500 tied=other"}) {
    const LayerWork work = work_of(line, {{50, 4, 4}});
    for (const kernels::Work* direction : {&work.fprop, &work.bprop, &work.grad}) {
      EXPECT_EQ(direction->flops, 2.0 * 500 * 800) << line;
    }
  }
}

TEST(LayerWork, OfALinearLayerNamesTheProducts) {
  const LayerWork work = work_of("linear 500", {{50, 4, 4}}, 30);
  EXPECT_EQ(work.fprop.kernel, "own kernel: 500x32, 800 deep");
  EXPECT_EQ(work.bprop.kernel, "own kernel: 800x32, 500 deep");
  EXPECT_EQ(work.grad.kernel, "sgemm: 500x800, 32 deep");
  EXPECT_EQ(work_of("linear 500 tied=other", {{800, 1, 1}}, 30).grad.kernel, "sgemm: 800x500, 32 deep");
}

// The text follows the rule that the kernel goes by: a shape on each side of each of its limits.
TEST(LayerWork, OfAConvolutionTellsTheKernelAndWhy) {
  const std::string direct = "own kernel: 4608 weights or fewer";
  const std::string pixels = "pixel by pixel: 25 terms or more";
  const Shape flat{1, 28, 28};
  const Shape deep{20, 12, 12};
  EXPECT_EQ(work_of("conv 20 kernel=5", {flat}).fprop.kernel, pixels);
  EXPECT_EQ(work_of("conv 20 kernel=4", {flat}).fprop.kernel, "unfolded rows, sgemm: 16 taps");
  EXPECT_EQ(work_of("conv 20 kernel=5", {flat}).bprop.kernel, "unfolded rows, sgemm: 25 taps")
      << "one channel";
  EXPECT_EQ(work_of("conv 20 kernel=5", {flat}).grad.kernel, direct);
  EXPECT_EQ(work_of("conv 50 kernel=5", {deep}).fprop.kernel, pixels);
  EXPECT_EQ(work_of("conv 50 kernel=5", {deep}).bprop.kernel, pixels);
  EXPECT_EQ(work_of("conv 50 kernel=5", {deep}).grad.kernel, "unfolded rows, sgemm: 500 taps");
  EXPECT_EQ(work_of("conv 50 kernel=5", {{32, 12, 12}}).grad.kernel,
            text("channels in vectors of ", kPanel, ", 75 % of them filled"));
  EXPECT_EQ(work_of("conv 24 kernel=1 stride=2", {deep}).bprop.kernel, "unfolded rows, sgemm: 20 taps");
  const std::string winograd = "Winograd F(4x4, 3x3): 3x3, stride 1, 16 channels or more";
  EXPECT_EQ(work_of("conv 40 kernel=3 pad=1", {deep}).fprop.kernel, winograd);
  EXPECT_EQ(work_of("conv 40 kernel=3 pad=1", {deep}).bprop.kernel, winograd);
  EXPECT_EQ(work_of("conv 40 kernel=3 pad=1", {deep}).grad.kernel, winograd);
  EXPECT_EQ(work_of("conv 15 kernel=3 pad=1", {deep}).fprop.kernel, pixels);
  EXPECT_EQ(work_of("conv 15 kernel=3 pad=1", {deep}).grad.kernel, direct);
  // Few weights and many channels: the direct sum where there are registers for it.
  EXPECT_EQ(work_of("conv 16 kernel=3 pad=1", {{16, 12, 12}}).grad.kernel,
            kernels::kVectorRegisters == 32 ? direct : winograd);
}

TEST(LayerWork, InBf16TellsWhatIsDoneInItAndWhatIsNot) {
  const LayerWork dense = bf16_work_of("linear 500", {50, 4, 4});
  EXPECT_EQ(dense.fprop.kernel, "bf16 product: 500x16, 800 deep");
  EXPECT_EQ(dense.bprop.kernel, "bf16 product: 800x16, 500 deep");
  EXPECT_EQ(dense.grad.kernel, "bf16 product: 500x800, 16 deep");
  EXPECT_EQ(dense.joint_grad.kernel, "bf16, own kernel: several microbatches at once");
  const std::string pixels = "bf16, pixel by pixel: 25 terms or more";
  const std::string channels = text("bf16, channels in vectors of ", kPanel, ", 50 % of them filled");
  const LayerWork first = bf16_work_of("conv 20 kernel=5", {1, 28, 28});
  EXPECT_EQ(first.fprop.kernel, pixels);
  EXPECT_EQ(first.bprop.kernel, "unfolded rows, bf16 product: 25 taps");
  EXPECT_EQ(first.grad.kernel, "float32, own kernel: 4608 weights or fewer");
  EXPECT_EQ(bf16_work_of("conv 50 kernel=5", {20, 12, 12}).grad.kernel, channels);
  EXPECT_EQ(bf16_work_of("conv 50 kernel=5", {40, 12, 12}).grad.kernel, channels);
  EXPECT_EQ(bf16_work_of("conv 50 kernel=5", {kPanel / 2 - 1, 12, 12}).grad.kernel,
            text("unfolded rows, bf16 product: ", 25 * (kPanel / 2 - 1), " taps"));
  const LayerWork narrow = bf16_work_of("conv 16 kernel=3 pad=1", {63, 12, 12});
  EXPECT_EQ(narrow.fprop.kernel, pixels);
  EXPECT_EQ(narrow.bprop.kernel, pixels);
  EXPECT_EQ(narrow.grad.kernel, channels);
  const LayerWork wide = bf16_work_of("conv 64 kernel=3 pad=1", {64, 12, 12});
  for (const kernels::Work* direction : {&wide.fprop, &wide.bprop, &wide.grad}) {
    EXPECT_EQ(direction->kernel,
              "float32 from 64 channels on, Winograd F(4x4, 3x3): 3x3, stride 1, 16 channels or more");
  }
}

// A transposed convolution's fprop is the bprop of a convolution.
TEST(LayerWork, OfATransposedConvolutionIsThatOfTheConvolution) {
  const LayerWork work = work_of("deconv 5 kernel=4 stride=2 pad=1", {{7, 6, 6}});
  EXPECT_EQ(work.fprop.flops, 2.0 * 7 * 6 * 6 * 5 * 16);
  EXPECT_EQ(work.bprop.flops, work.fprop.flops);
  EXPECT_EQ(work.grad.kernel, "own kernel: 4608 weights or fewer");
}

}  // namespace
}  // namespace lockstep::nn
