// Causal depthwise convolution of arXiv:2109.08668. Each row of x is read from memory once; its
// neighbours are in the cache.
#pragma once
#include "vector.h"

namespace isoflop {
namespace {

constexpr int64_t MOST_TAPS = 8;

// Loads one vector of channels, or fewer at the end.
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

// Computes the rows of one vector of channels, from the first row with all its neighbours on. The
// neighbours remain in registers, so that each row is read once. WIDTH is a constant, so that the
// compiler unrolls the taps.
template <int WIDTH, typename T>
void convolve_rows(Convolution a, const T* x, const float* taps, T* y) {
  Floats tap[WIDTH], past[WIDTH];  // past[k] is x[t-k]
  for (int k = 0; k < WIDTH; k++) tap[k] = load(taps + k * a.channels);
  for (int k = 1; k < WIDTH; k++) past[k] = load(x + (WIDTH - 1 - k) * a.channels);
  for (int64_t t = WIDTH - 1; t < a.tokens; t++) {
    past[0] = load(x + t * a.channels);
    Floats sum = past[0] * tap[0];
    for (int k = 1; k < WIDTH; k++) sum += past[k] * tap[k];
    store(y + t * a.channels, a.residual ? sum + past[0] : sum);
    for (int k = WIDTH - 1; k > 0; k--) past[k] = past[k - 1];
  }
}

// Computes one row of one vector of channels, or fewer at the end.
template <typename T>
void convolve_row(Convolution a, const T* x, const float* taps, T* y, int64_t t, int64_t count) {
  const int64_t reach = t + 1 < a.width ? t + 1 : a.width;
  const Floats own = load_some(x + t * a.channels, count);
  Floats sum = own * load_some(taps, count);
  for (int64_t k = 1; k < reach; k++)
    sum += load_some(x + (t - k) * a.channels, count) * load_some(taps + k * a.channels, count);
  store_some(y + t * a.channels, a.residual ? sum + own : sum, count);
}

template <typename T>
void convolve(Convolution a, const T* x, const float* taps, T* y, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    const Block block(a, task);
    for (int64_t c = block.first; c < block.last; c += LANES) {
      const int64_t count = block.last - c, from = block.sequence * a.tokens * a.channels + c;
      const bool unrolled = count >= LANES && a.tokens >= a.width && a.width >= 2 && a.width <= 4;
      for (int64_t t = 0; t < (unrolled ? a.width - 1 : a.tokens); t++) convolve_row(a, x + from, taps + c, y + from, t, count);
      if (!unrolled) continue;
      if (a.width == 2) convolve_rows<2>(a, x + from, taps + c, y + from);
      if (a.width == 3) convolve_rows<3>(a, x + from, taps + c, y + from);
      if (a.width == 4) convolve_rows<4>(a, x + from, taps + c, y + from);
    }
  }
}

// Computes the rows of one vector of channels with all neighbours on both sides, like
// convolve_rows. Adds to sums.
template <int WIDTH, typename T>
void convolve_backward_rows(Convolution a, const T* x, const float* taps, const T* dy, T* dx, Floats* sums) {
  Floats tap[WIDTH], total[WIDTH], past[WIDTH], next[WIDTH];  // past[k] is x[t-k], next[k] is dy[t+k]
  const int64_t first = WIDTH - 1, last = a.tokens - WIDTH;
  for (int k = 0; k < WIDTH; k++) {
    tap[k] = load(taps + k * a.channels);
    total[k] = sums[k];
  }
  for (int k = 1; k < WIDTH; k++) {
    past[k] = load(x + (first - k) * a.channels);
    next[k - 1] = load(dy + (first + k - 1) * a.channels);
  }
  for (int64_t t = first; t <= last; t++) {
    past[0] = load(x + t * a.channels);
    next[WIDTH - 1] = load(dy + (t + WIDTH - 1) * a.channels);
    Floats sum = next[0] * tap[0];
    for (int k = 1; k < WIDTH; k++) sum += next[k] * tap[k];
    for (int k = 0; k < WIDTH; k++) total[k] += next[0] * past[k];
    store(dx + t * a.channels, a.residual ? sum + next[0] : sum);
    for (int k = WIDTH - 1; k > 0; k--) past[k] = past[k - 1];
    for (int k = 0; k + 1 < WIDTH; k++) next[k] = next[k + 1];
  }
  for (int k = 0; k < WIDTH; k++) sums[k] = total[k];
}

// Computes one row of one vector of channels, or fewer at the end.
template <typename T>
void convolve_backward_row(Convolution a, const T* x, const float* taps, const T* dy, T* dx, Floats* sums, int64_t t, int64_t count) {
  const int64_t before = t + 1 < a.width ? t + 1 : a.width;
  const int64_t after = a.tokens - t < a.width ? a.tokens - t : a.width;
  const Floats own = load_some(dy + t * a.channels, count);
  Floats sum = own * load_some(taps, count);
  for (int64_t k = 1; k < after; k++)
    sum += load_some(dy + (t + k) * a.channels, count) * load_some(taps + k * a.channels, count);
  for (int64_t k = 0; k < before; k++) sums[k] += own * load_some(x + (t - k) * a.channels, count);
  store_some(dx + t * a.channels, a.residual ? sum + own : sum, count);
}

// dx[t] = Σ_k taps[k]∘dy[t+k] (+ dy[t]); dtaps[k] = Σ_t dy[t]∘x[t-k].
template <typename T>
void convolve_backward(Convolution a, const T* x, const float* taps, const T* dy, T* dx, float* dtaps, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    const Block block(a, task);
    for (int64_t c = block.first; c < block.last; c += LANES) {
      const int64_t count = block.last - c, from = block.sequence * a.tokens * a.channels + c;
      const bool unrolled = count >= LANES && a.tokens >= 2 * a.width && a.width >= 2 && a.width <= 4;
      Floats sums[MOST_TAPS] = {};
      const auto row = [&](int64_t t) { convolve_backward_row(a, x + from, taps + c, dy + from, dx + from, sums, t, count); };
      for (int64_t t = 0; t < (unrolled ? a.width - 1 : a.tokens); t++) row(t);
      if (unrolled) {
        if (a.width == 2) convolve_backward_rows<2>(a, x + from, taps + c, dy + from, dx + from, sums);
        if (a.width == 3) convolve_backward_rows<3>(a, x + from, taps + c, dy + from, dx + from, sums);
        if (a.width == 4) convolve_backward_rows<4>(a, x + from, taps + c, dy + from, dx + from, sums);
        for (int64_t t = a.tokens - a.width + 1; t < a.tokens; t++) row(t);
      }
      for (int64_t k = 0; k < a.width; k++)
        store_some(dtaps + (block.sequence * a.width + k) * a.channels + c, sums[k], count);
    }
  }
}

}  // namespace
}  // namespace isoflop
