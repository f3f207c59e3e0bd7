// Which kernel a convolution takes: fixed rules on its shape, never a timing.
#include "lockstep/kernels/convolution.h"

#include <algorithm>

#include "convolution_channels.h"
#include "convolution_direct.h"
#include "convolution_pixels.h"
#include "convolution_unfolded.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"
#include "winograd.h"

namespace lockstep::kernels {

namespace {

enum class Kernel { kUnfolded, kPixels, kDirect, kChannels, kWinograd };

// Terms of one output's sum from which the kernel that goes pixel by pixel is faster than unfolding.
constexpr int64_t kManyTerms = 25;

// Winograd's algorithm is in single precision, whatever is asked for: from so many channels on it is as fast
// as the direct sum in bf16, and more precise.
constexpr int64_t kWinogradChannels = 64;

bool is_bf16(const ConvolutionShape& s) { return s.precision == Precision::kBf16; }

bool by_winograd(const ConvolutionShape& s) {
  return has_winograd(s) && (!is_bf16(s) || std::min(s.in_channels, s.out_channels) >= kWinogradChannels);
}

// Which kernel each direction takes: the functions that compute ask here, and so does convolution_work(),
// which tells people.
Kernel fprop_kernel(const ConvolutionShape& s) {
  if (by_winograd(s)) return Kernel::kWinograd;
  return s.taps() >= kManyTerms ? Kernel::kPixels : Kernel::kUnfolded;
}
Kernel bprop_kernel(const ConvolutionShape& s) {
  if (by_winograd(s)) return Kernel::kWinograd;
  // Fewer channels than these would leave most of its registers empty.
  constexpr int64_t kManyChannels = 8;
  const int64_t terms = s.out_channels * s.kernel_height * s.kernel_width / (s.stride * s.stride);
  return s.in_channels >= kManyChannels && terms >= kManyTerms ? Kernel::kPixels : Kernel::kUnfolded;
}
Kernel grad_kernel(const ConvolutionShape& s) {
  if (is_bf16(s) && !by_winograd(s) && has_channels_grad(s)) return Kernel::kChannels;
  // The direct sum wants many registers; with few, it is for what fills no other kernel's vectors.
  const bool direct_first = kVectorRegisters == 32;
  if (direct_first && has_direct_grad(s)) return Kernel::kDirect;
  if (by_winograd(s)) return Kernel::kWinograd;
  if (!direct_first && has_direct_grad(s) && !has_channels_grad(s)) return Kernel::kDirect;
  return has_channels_grad(s) ? Kernel::kChannels : Kernel::kUnfolded;
}

std::string kernel_text(Kernel kernel, const ConvolutionShape& s) {
  // Where bf16 is asked for: what is done in it, and what stays as it is.
  const std::string does = is_bf16(s) ? "bf16, " : "";
  const std::string stays = is_bf16(s) ? "float32, " : "";
  switch (kernel) {
    case Kernel::kDirect:
      return stays + direct_grad_rule();
    case Kernel::kChannels:
      return does + channels_grad_rule(s.precision);
    case Kernel::kWinograd:
      return is_bf16(s) ? text("float32 from ", kWinogradChannels, " channels on, ", winograd_rule())
                        : winograd_rule();
    case Kernel::kPixels:
      return does + text("pixel by pixel: ", kManyTerms, " terms or more");
    case Kernel::kUnfolded:
      break;
  }
  return text("unfolded rows, ", is_bf16(s) ? "bf16 product: " : "sgemm: ", s.taps(), " taps");
}

}  // namespace

LayerWork convolution_work(const ConvolutionShape& s) {
  const double flops = 2.0 * static_cast<double>(s.taps()) *
                       static_cast<double>(s.out_channels * s.out_height() * s.out_width());
  return {{flops, kernel_text(fprop_kernel(s), s)},
          {flops, kernel_text(bprop_kernel(s), s)},
          {flops, kernel_text(grad_kernel(s), s)}};
}

int64_t convolution_scratch(const ConvolutionShape& s, int64_t columns) {
  int64_t floats = 0;
  for (const Kernel kernel : {fprop_kernel(s), bprop_kernel(s), grad_kernel(s)}) {
    if (kernel == Kernel::kWinograd) floats = std::max(floats, winograd_scratch(s, columns));
    if (kernel == Kernel::kChannels) floats = std::max(floats, channels_grad_scratch(s, columns));
    if (kernel == Kernel::kDirect) floats = std::max(floats, direct_grad_scratch(s, columns));
    if (kernel == Kernel::kPixels) floats = std::max(floats, pixels_scratch(s, columns));
    if (kernel == Kernel::kUnfolded) floats = std::max(floats, unfolded_scratch(s, columns));
  }
  return floats;
}

void convolution_fprop(const ConvolutionShape& s, int64_t columns, const float* in, const float* weights,
                       const float* bias, float* out, float* scratch) {
  const Kernel kernel = fprop_kernel(s);
  if (kernel == Kernel::kWinograd) return winograd_fprop(s, columns, in, weights, bias, out, scratch);
  if (kernel == Kernel::kPixels) return pixels_fprop(s, columns, in, weights, bias, out, scratch);
  unfolded_fprop(s, columns, in, weights, bias, out, scratch);
}

void convolution_bprop(const ConvolutionShape& s, int64_t columns, const float* out_delta,
                       const float* weights, bool accumulate, float* in_delta, float* scratch) {
  const Kernel kernel = bprop_kernel(s);
  if (kernel == Kernel::kWinograd) {
    return winograd_bprop(s, columns, out_delta, weights, accumulate, in_delta, scratch);
  }
  if (kernel == Kernel::kPixels) {
    return pixels_bprop(s, columns, out_delta, weights, accumulate, in_delta, scratch);
  }
  unfolded_bprop(s, columns, out_delta, weights, accumulate, in_delta, scratch);
}

void convolution_grad(const ConvolutionShape& s, int64_t columns, const float* in, const float* out_delta,
                      bool accumulate, float* gradient, float* scratch) {
  const Kernel kernel = grad_kernel(s);
  if (kernel == Kernel::kWinograd) {
    return winograd_grad(s, columns, in, out_delta, accumulate, gradient, scratch);
  }
  if (kernel == Kernel::kDirect) {
    return direct_grad(s, columns, in, out_delta, accumulate, gradient, scratch);
  }
  if (kernel == Kernel::kChannels) {
    return channels_grad(s, columns, in, out_delta, accumulate, gradient, scratch);
  }
  unfolded_grad(s, columns, in, out_delta, accumulate, gradient, scratch);
}

}  // namespace lockstep::kernels
