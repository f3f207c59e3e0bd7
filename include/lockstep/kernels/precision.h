// In which numbers convolutions and matrix products multiply.
//
// kBf16: operands are rounded to bf16 (a float's upper half: 8 bits of precision; to nearest, ties to even)
// on their way into a kernel, and their products are summed in single precision, in a fixed order. Everything
// in memory stays single precision: activations, derivatives, parameters, gradients.
#pragma once

#include <string>

namespace lockstep::kernels {

enum class Precision { kFloat32, kBf16 };

// Whether bf16 runs here. It needs vdpbf16ps (avx512_bf16), in the build and in the processor.
struct Bf16Support {
  bool built;      // the compiler was told of a processor that has it (LOCKSTEP_ARCH)
  bool processor;  // this one has it, as oneDNN sees it
  std::string instruction_set;
};
Bf16Support bf16_support();

}  // namespace lockstep::kernels
