// Pointwise kernels that need one pass over memory instead of several: bias with activation, the
// loss with its gradient, and the optimizer's step.
#pragma once
#include "convolution.h"

namespace isoflop {
namespace {

inline int64_t last_of(int64_t task, int64_t block, int64_t length) {
  return (task + 1) * block < length ? (task + 1) * block : length;
}

template <typename T>
void activate(int32_t activation, int64_t rows, int64_t columns, const float* bias, T* x, int64_t begin, int64_t end) {
  for (int64_t row = begin * ROW_BLOCK; row < last_of(end - 1, ROW_BLOCK, rows); row++)
    for (int64_t c = 0; c < columns; c += LANES) {
      T* at = x + row * columns + c;
      const int64_t count = columns - c;
      const Floats sum = bias ? load_some(at, count) + load_some(bias + c, count) : load_some(at, count);
      // Compare `sum < 0`, so that NaN remains NaN.
      const Floats positive = sum < 0.f ? Floats{} : sum;
      store_some(at, activation == SQUARED_RELU ? positive * positive : positive, count);
    }
}

inline Floats root(Floats x) {
  Floats y{};
  for (int i = 0; i < LANES; i++) y[i] = __builtin_sqrtf(x[i]);
  return y;
}

// For y = relu(x)², dx = 2·sqrt(y)·dy, because the root of the rounded square is relu(x).
template <typename T>
void activate_backward(int32_t activation, int64_t rows, int64_t columns, const T* y, const T* dy, T* dx, float* dbias,
                       int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    float* sums = dbias ? dbias + task * columns : nullptr;
    for (int64_t c = 0; sums && c < columns; c++) sums[c] = 0;
    for (int64_t row = task * ROW_BLOCK; row < last_of(task, ROW_BLOCK, rows); row++)
      for (int64_t c = 0; c < columns; c += LANES) {
        const int64_t at = row * columns + c, count = columns - c;
        const Floats out = load_some(y + at, count), gradient = load_some(dy + at, count);
        const Floats change = activation == SQUARED_RELU ? gradient * 2.f * root(out) : (out == 0.f ? Floats{} : gradient);
        store_some(dx + at, change, count);
        if (sums) store_some(sums + c, load_some(sums + c, count) + change, count);
      }
  }
}

template <typename T>
void cross_entropy(int64_t rows, int64_t columns, float z, bool differentiates, T* logits, const int64_t* targets,
                   double* losses, double* squares, int64_t begin, int64_t end) {
  const float share = 1.f / static_cast<float>(rows);
  for (int64_t task = begin; task < end; task++) {
    losses[task] = squares[task] = 0;
    for (int64_t row = task * ROW_BLOCK; row < last_of(task, ROW_BLOCK, rows); row++) {
      T* at = logits + row * columns;
      const int64_t target = targets[row], whole = columns / LANES * LANES;
      const float chosen = number(at[target]);
      float most = number(at[0]);
      if (whole) {
        Floats tops = load(at);
        for (int64_t c = LANES; c < whole; c += LANES) tops = larger(load(at + c), tops);
        most = largest(tops);
      }
      for (int64_t c = whole; c < columns; c++) most = number(at[c]) > most ? number(at[c]) : most;
      Floats total{};
      for (int64_t c = 0; c < whole; c += LANES) total += exponential(load(at + c) - most);
      if (whole < columns) {
        const Floats tail = exponential(load_some(at + whole, columns - whole) - most);
        for (int64_t c = 0; c < columns - whole; c++) total[c] += tail[c];
      }
      const float log_sum = most + std::log(sum(total));
      losses[task] += log_sum - chosen;
      squares[task] += static_cast<double>(log_sum) * log_sum;
      if (!differentiates) continue;
      const float weight = share * (1.f + 2.f * z * log_sum);
      for (int64_t c = 0; c < columns; c += LANES) {
        const int64_t count = columns - c;
        store_some(at + c, exponential(load_some(at + c, count) - log_sum) * weight, count);
      }
      // Compute p - 1 here in float, not from the rounded p.
      const float exact = std::exp(chosen - log_sum) * weight - share;
      assign(at + target, exact);
    }
  }
}

void sum_squares(int64_t length, const float* x, double* sums, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    Floats total[4] = {};
    int64_t i = task * SUM_BLOCK;
    const int64_t last = last_of(task, SUM_BLOCK, length);
    for (; i + 4 * LANES <= last; i += 4 * LANES)
      for (int64_t j = 0; j < 4; j++) {
        const Floats value = load(x + i + j * LANES);
        total[j] += value * value;
      }
    double all = 0;
    for (int64_t j = 0; j < 4; j++) all += sum(total[j]);
    for (; i < last; i++) all += static_cast<double>(x[i]) * x[i];
    sums[task] = all;
  }
}

// arXiv:1711.05101, algorithm 2, with a decay of the learning rate times `weight_decay`.
void adamw(Adamw a, int64_t length, float* parameters, const float* gradient, float* first, float* second, double* changes,
           int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; task++) {
    Floats total{};
    for (int64_t i = task * SUM_BLOCK; i < last_of(task, SUM_BLOCK, length); i += LANES) {
      const int64_t count = last_of(task, SUM_BLOCK, length) - i;
      const Floats g = load_some(gradient + i, count) * a.clip, old = load_some(parameters + i, count);
      Floats m = load_some(first + i, count), v = load_some(second + i, count), decay = all(a.learning_rate * a.weight_decay);
      m += (1.f - a.beta1) * (g - m);
      v += (1.f - a.beta2) * (g * g - v);
      if (i + LANES > a.decayed)
        for (int64_t lane = 0; lane < LANES; lane++) decay[lane] = i + lane < a.decayed ? decay[lane] : 0.f;
      const Floats step = (a.learning_rate / a.bias1) * m / (root(v) / a.bias2_root + a.eps);
      const Floats change = old * decay + step;
      store_some(parameters + i, old - change, count);
      store_some(first + i, m, count);
      store_some(second + i, v, count);
      if (count < LANES)
        for (int64_t lane = 0; lane < count; lane++) total[lane] += change[lane] * change[lane];
      else total += change * change;
    }
    changes[task] = sum(total);
  }
}

}  // namespace
}  // namespace isoflop
