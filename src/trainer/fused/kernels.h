// Fused kernels: loops over memory, compiled once for each instruction set. The set is chosen when
// the program starts.
// Shapes: B sequences, T tokens, C channels, H heads, G key-value heads, h channels per head. All
// tensors are contiguous.
// A kernel computes the tasks [begin, end), so that threads share the work. Sums are kept per task,
// so that they do not depend on the number of threads.
#pragma once
#include <cstdint>

namespace isoflop {

// Upper half of a float's bits.
struct Bfloat16 {
  uint16_t bits;
};

// Always inline. Otherwise the linker could use a copy for one instruction set in the code of
// another.
#define ISOFLOP_INLINE inline __attribute__((always_inline))

struct Convolution {
  int64_t sequences, tokens, channels, width;
  bool residual;
  // Channels per task.
  static constexpr int64_t BLOCK = 128;
  ISOFLOP_INLINE int64_t blocks() const { return (channels + BLOCK - 1) / BLOCK; }
  ISOFLOP_INLINE int64_t tasks() const { return sequences * blocks(); }
};

struct Attention {
  int64_t sequences, tokens, heads, groups, d_head;
  float scale;
  ISOFLOP_INLINE int64_t width() const { return (heads + 2 * groups) * d_head; }
  // A task is a sequence and a key-value head, with all its query heads.
  ISOFLOP_INLINE int64_t tasks() const { return sequences * groups; }
};

struct Adamw {
  float learning_rate, beta1, beta2, eps, weight_decay, bias1, bias2_root, clip;
  int64_t decayed;  // number of parameters that decay, which are the first
};

enum Activation : int32_t { RELU = 0, SQUARED_RELU = 1 };

// Elements per task of a sum.
constexpr int64_t SUM_BLOCK = 16384;
// Rows per task of a pass over rows.
constexpr int64_t ROW_BLOCK = 64;

// T is float or bfloat16.
template <typename T>
struct Kernels {
  // y[t] = Σ_k taps[k]∘x[t-k] (+ x[t])
  void (*convolve)(Convolution, const T* x, const float* taps, T* y, int64_t begin, int64_t end);
  // dx, and each sequence's part of dtaps: [B, width, C]
  void (*convolve_backward)(Convolution, const T* x, const float* taps, const T* dy, T* dx, float* dtaps, int64_t begin, int64_t end);
  // qkv: [B, T, (H + 2G)·h]; bias: [H, T] by distance, or null; out: [B, T, H·h];
  // log_sum: [B, H, T]
  void (*attend)(Attention, const T* qkv, const float* bias, T* out, float* log_sum, int64_t begin, int64_t end);
  // dbias: [B, H, T]
  void (*attend_backward)(Attention, const T* qkv, const float* bias, const T* out, const float* log_sum, const T* dout,
                          T* dqkv, float* dbias, int64_t begin, int64_t end);
  // x = act(x + bias), [rows, columns], in place; a task is ROW_BLOCK rows
  void (*activate)(int32_t activation, int64_t rows, int64_t columns, const float* bias, T* x, int64_t begin, int64_t end);
  // From the output: dx, and each task's part of dbias: [tasks, columns]
  void (*activate_backward)(int32_t activation, int64_t rows, int64_t columns, const T* y, const T* dy, T* dx, float* dbias,
                            int64_t begin, int64_t end);
  // Sums over a task's rows of -log p(target) and of log² Σ exp(logits). If `differentiates`, the
  // logits become the gradient of (Σ_rows cross entropy + z·log²Σ) / rows
  void (*cross_entropy)(int64_t rows, int64_t columns, float z, bool differentiates, T* logits, const int64_t* targets,
                        double* losses, double* squares, int64_t begin, int64_t end);
};

struct FlatKernels {
  // Each task's part of Σ x².
  void (*squares)(int64_t length, const float* x, double* sums, int64_t begin, int64_t end);
  // One step; each task's part of Σ (change)².
  void (*adamw)(Adamw, int64_t length, float* parameters, const float* gradient, float* first, float* second, double* changes,
                int64_t begin, int64_t end);
};

struct AllKernels {
  Kernels<float> float32;
  Kernels<Bfloat16> bfloat16;
  FlatKernels flat;
};

// Returns the kernels for the best instruction set of this CPU.
const AllKernels& kernels();

}  // namespace isoflop
