// Table of the kernels. Compiled once for each instruction set, with ISOFLOP_KERNELS as its name.
#include "attention.h"
#include "pointwise.h"

namespace isoflop {

namespace {
template <typename T>
constexpr Kernels<T> table() {
  return {convolve<T>, convolve_backward<T>, attend<T>, attend_backward<T>, activate<T>, activate_backward<T>, cross_entropy<T>};
}
}  // namespace

extern const AllKernels ISOFLOP_KERNELS;
const AllKernels ISOFLOP_KERNELS = {table<float>(), table<Bfloat16>(), {sum_squares, adamw}};

}  // namespace isoflop
