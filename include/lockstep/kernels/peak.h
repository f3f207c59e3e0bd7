// What this machine's arithmetic could do at best.
#pragma once

namespace lockstep::kernels {

// Single-precision operations a second of the calling thread, measured on fused multiplications and additions
// that wait for nothing: the fastest of several short runs, about 50 ms in all.
double measure_peak_flops();

}  // namespace lockstep::kernels
