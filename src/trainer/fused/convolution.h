// The causal depthwise convolution of arXiv:2109.08668: each row of x is read once, its neighbours from the cache.
#pragma once
#include "vector.h"

namespace isoflop {
namespace {

constexpr int64_t MOST_TAPS = 8;

// One vector of channels, or fewer at the end.
template <typename T>
inline Floats load_some(const T* from, int64_t count) {
  if (count >= LANES) return load(from);
  Floats x{};
  for (int64_t i = 0; i < count; i++) x[i] = number(from[i]);
  return x;
}

template <typename T>
inline void store_some(T* to, Floats x, int64_t count) {
  if (count >= LANES) return store(to, x);
  for (int64_t i = 0; i < count; i++) assign(to + i, x[i]);
}

struct Block {
  Block(const Convolution& a, int64_t task)
      : sequence(task / a.blocks()), first(task % a.blocks() * Convolution::BLOCK),
        last(first + Convolution::BLOCK < a.channels ? first + Convolution::BLOCK : a.channels) {}
  int64_t sequence, first, last;
};

template <typename T>
void convolve(Convolution a, const T* x, const float* taps, T* y, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    const Block block(a, task);
    for (int64_t t = 0; t < a.tokens; t++) {
      const int64_t row = (block.sequence * a.tokens + t) * a.channels;
      const int64_t reach = t + 1 < a.width ? t + 1 : a.width;
      for (int64_t c = block.first; c < block.last; c += LANES) {
        const int64_t count = block.last - c;
        const Floats own = load_some(x + row + c, count);
        Floats sum = own * load_some(taps + c, count);
        for (int64_t k = 1; k < reach; k++)
          sum += load_some(x + row - k * a.channels + c, count) * load_some(taps + k * a.channels + c, count);
        store_some(y + row + c, a.residual ? sum + own : sum, count);
      }
    }
  }
}

// dx[t] = Σ_k taps[k]∘dy[t+k] (+ dy[t]); dtaps[k] = Σ_t dy[t]∘x[t-k].
template <typename T>
void convolve_backward(Convolution a, const T* x, const float* taps, const T* dy, T* dx, float* dtaps, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    const Block block(a, task);
    for (int64_t c = block.first; c < block.last; c += LANES) {
      const int64_t count = block.last - c;
      Floats sums[MOST_TAPS] = {};
      for (int64_t t = 0; t < a.tokens; t++) {
        const int64_t row = (block.sequence * a.tokens + t) * a.channels + c;
        const int64_t before = t + 1 < a.width ? t + 1 : a.width;
        const int64_t after = a.tokens - t < a.width ? a.tokens - t : a.width;
        const Floats own = load_some(dy + row, count);
        Floats sum = own * load_some(taps + c, count);
        for (int64_t k = 1; k < after; k++)
          sum += load_some(dy + row + k * a.channels, count) * load_some(taps + k * a.channels + c, count);
        for (int64_t k = 0; k < before; k++) sums[k] += own * load_some(x + row - k * a.channels, count);
        store_some(dx + row, a.residual ? sum + own : sum, count);
      }
      for (int64_t k = 0; k < a.width; k++)
        store_some(dtaps + (block.sequence * a.width + k) * a.channels + c, sums[k], count);
    }
  }
}

}  // namespace
}  // namespace isoflop
