// Selection of the kernels for this CPU. Compiled for the baseline instruction set.
#include "kernels.h"

namespace isoflop {

extern const AllKernels kernels_any;
#ifdef ISOFLOP_X86
extern const AllKernels kernels_v3, kernels_v4;
#endif

const AllKernels& kernels() {
#ifdef ISOFLOP_X86
  static const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  static const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (v4) return kernels_v4;
  if (v3) return kernels_v3;
#endif
  return kernels_any;
}

}  // namespace isoflop
