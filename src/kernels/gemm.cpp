#include "lockstep/kernels/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include <array>

#include "bf16_product.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/layout.h"

namespace lockstep::kernels {

void gemm(Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  const char ta = transpose_a == Transpose::kYes ? 'T' : 'N';
  const char tb = transpose_b == Transpose::kYes ? 'T' : 'N';
  const dnnl_status_t status = dnnl_sgemm(ta, tb, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
  if (status != dnnl_success) {
    fail("oneDNN's matrix product of ", m, "x", k, " and ", k, "x", n, " failed with status ",
         static_cast<int>(status));
  }
}

void gemm(Precision precision, Transpose transpose_a, Transpose transpose_b, int64_t m, int64_t n, int64_t k,
          const float* a, int64_t lda, const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc,
          float* scratch) {
  if (precision == Precision::kBf16) {
    return bf16_product(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, accumulate, c, ldc, scratch);
  }
  gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, accumulate ? 1.0f : 0.0f, c, ldc);
}

int64_t gemm_scratch(Precision precision) {
  return precision == Precision::kBf16 ? bf16_product_scratch() : 0;
}

std::string gemm_kernel(Precision precision, int64_t m, int64_t n, int64_t k) {
  const char* name = precision == Precision::kBf16 ? "bf16 product" : "sgemm";
  return text(name, ": ", m, "x", n, ", ", k, " deep");
}

Bf16Support bf16_support() {
#ifdef __AVX512BF16__
  constexpr bool kBuilt = true;
#else
  constexpr bool kBuilt = false;
#endif
  const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  const bool processor = isa == dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl_cpu_isa_avx512_core_amx;
  return {kBuilt, processor, instruction_set()};
}

void row_sums(int64_t rows, int64_t count, const float* in, bool accumulate, float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = in + r * count;
    std::array<float, kLanes> lanes{};
    for (int64_t i = 0; i < count; i += kLanes) {
      for (int64_t l = 0; l < kLanes; ++l) lanes[static_cast<size_t>(l)] += row[i + l];
    }
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t l = 0; l < half; ++l)
        lanes[static_cast<size_t>(l)] += lanes[static_cast<size_t>(l + half)];
    }
    out[r] = (accumulate ? out[r] : 0.0f) + lanes[0];
  }
}

void add_to_rows(int64_t rows, int64_t count, const float* values, float* in, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < count; ++i) in[r * stride + i] += values[r];
  }
}

void use_one_thread() { omp_set_num_threads(1); }

std::string library_version() {
  const dnnl_version_t* version = dnnl_version();
  return text("oneDNN ", version->major, ".", version->minor, ".", version->patch);
}

std::string instruction_set() {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "other";
  }
}

}  // namespace lockstep::kernels
