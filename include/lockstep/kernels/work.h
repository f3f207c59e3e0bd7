// What the kernels of an operation take, and which they are: for people who look for where the time goes.
#pragma once

#include <string>

namespace lockstep::kernels {

struct Work {
  // Floating-point operations a sample, by the operation's formula, a multiplication and an addition being
  // two. A kernel that gets by with fewer (Winograd) shows as a higher rate, padding as a lower one.
  double flops = 0;
  // Which kernel, and where there is a choice why: "unfolded rows, sgemm: 576 taps". Comes from where the
  // choice is made, so that the two agree.
  std::string kernel;
};

// In each direction; empty where there is nothing to do.
struct LayerWork {
  Work fprop;
  Work bprop;
  Work grad;
  Work joint_grad = {};  // where a layer has one: in place of grad, for several microbatches at once
};

// What plain loops take, which the compiler turns into vector code.
inline Work vector_code(double flops) { return {flops, "vector code"}; }

}  // namespace lockstep::kernels
