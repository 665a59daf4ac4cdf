// Causal attention that keeps no scores in memory. It computes a block of queries at a time, with
// the keys up to it, and the scores remain in the cache. Backward recomputes the scores from the
// saved logarithms of their sums (arXiv:2205.14135, algorithm 4). It has no blocks of keys, because
// a block of queries with all its keys fits the cache at the sequence lengths of isoflop.
#pragma once
#include <vector>

#include "matrix.h"

namespace isoflop {
namespace {

constexpr int64_t QUERIES = 32;

// Memory of one thread, in pieces that begin at a cache line.
class Scratch {
 public:
  explicit Scratch(int64_t floats) : memory_(static_cast<size_t>(floats) + 64 * LANES) { next_ = aligned(memory_.data()); }
  float* take(int64_t floats) {
    float* piece = next_;
    next_ += round_up(floats, LANES);
    return piece;
  }
  float* zeros(int64_t floats) {
    float* piece = take(floats);
    std::memset(piece, 0, static_cast<size_t>(floats) * sizeof(float));
    return piece;
  }

 private:
  static float* aligned(float* at) { return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(at) + 63) / 64 * 64); }
  std::vector<float> memory_;
  float* next_;
};

// Sizes with padding, and the offsets of K and V in a row of qkv.
struct Sizes {
  explicit Sizes(const Attention& a)
      : tokens(a.tokens), keys(round_up(a.tokens, LANES)), h(a.d_head), padded(round_up(a.d_head, LANES)), row(a.width()),
        k_at(a.heads * a.d_head), v_at((a.heads + a.groups) * a.d_head) {}
  int64_t tokens, keys, h, padded, row, k_at, v_at;
};

// rows[t][0..h] = scale·from[t·row ..], zeros up to `padded`.
template <typename T>
inline void pack(const T* from, int64_t row, int64_t tokens, int64_t h, int64_t padded, float scale, float* rows) {
  for (int64_t t = 0; t < tokens; t++) {
    float* to = rows + t * padded;
    for (int64_t c = 0; c < h; c++) to[c] = scale * number(from[t * row + c]);
    for (int64_t c = h; c < padded; c++) to[c] = 0;
  }
}

// columns[c][t] = from[t·row + c], zeros up to `keys`.
template <typename T>
inline void transpose(const T* from, int64_t row, int64_t tokens, int64_t h, int64_t keys, float* columns) {
  for (int64_t t0 = 0; t0 < tokens; t0 += LANES) {
    const int64_t end = t0 + LANES < tokens ? t0 + LANES : tokens;
    for (int64_t c = 0; c < h; c++)
      for (int64_t t = t0; t < end; t++) columns[c * keys + t] = number(from[t * row + c]);
  }
  for (int64_t c = 0; c < h; c++)
    for (int64_t t = tokens; t < keys; t++) columns[c * keys + t] = 0;
}

template <typename T>
inline void unpack(const float* rows, int64_t padded, int64_t count, int64_t h, float scale, T* to, int64_t row) {
  for (int64_t t = 0; t < count; t++)
    for (int64_t c = 0; c < h; c++) assign(to + t * row + c, scale * rows[t * padded + c]);
}

// Reverses the bias by distance: reversed[j - i + tokens - 1] is that of query i and key j.
inline void reverse(const float* bias, int64_t tokens, float* reversed) {
  for (int64_t distance = 0; distance < tokens; distance++) reversed[tokens - 1 - distance] = bias[distance];
}

// Adds the bias to the scores of query i.
inline void add_bias(float* scores, const float* reversed, int64_t i, int64_t tokens, int64_t columns) {
  const float* bias = reversed + tokens - 1 - i;
  for (int64_t j = 0; j < columns; j += LANES) store(scores + j, load(scores + j) + load(bias + j));
}

// Computes the probabilities of the keys 0..=i, not yet divided by their sum, and zeros after them.
// Returns (largest score, sum).
struct Softmax {
  float largest, sum;
};
inline Softmax softmax(float* scores, int64_t i, int64_t columns) {
  for (int64_t j = i + 1; j < columns; j++) scores[j] = -INFINITY;
  Floats most = load(scores);
  for (int64_t j = LANES; j < columns; j += LANES) most = larger(load(scores + j), most);
  const float top = largest(most);
  Floats total{};
  for (int64_t j = 0; j < columns; j += LANES) {
    Floats p = exponential(load(scores + j) - top);
    if (j + LANES > i + 1)
      for (int64_t lane = 0; lane < LANES; lane++) p[lane] = j + lane > i ? 0 : p[lane];
    store(scores + j, p);
    total += p;
  }
  return {top, sum(total)};
}

inline int64_t keys_of(int64_t first, int64_t rows, int64_t keys) {
  const int64_t columns = round_up(first + rows, LANES);
  return columns < keys ? columns : keys;
}

template <typename T>
void attend(Attention a, const T* qkv, const float* bias, T* out, float* log_sum, int64_t begin, int64_t end) {
  const Sizes s(a);
  Scratch scratch(s.h * s.keys + s.keys * s.padded + s.tokens * s.padded + QUERIES * s.keys + QUERIES * s.padded + 2 * s.keys);
  float* k = scratch.take(s.h * s.keys);         // Kᵀ
  float* v = scratch.zeros(s.keys * s.padded);   // V
  float* q = scratch.take(s.tokens * s.padded);  // scale·Q
  float* scores = scratch.take(QUERIES * s.keys);
  float* mixed = scratch.take(QUERIES * s.padded);
  float* reversed = scratch.zeros(2 * s.keys);
  for (int64_t task = begin; task < end; task++) {
    const int64_t b = task / a.groups, group = task % a.groups;
    const T* sequence = qkv + b * s.tokens * s.row;
    transpose(sequence + s.k_at + group * s.h, s.row, s.tokens, s.h, s.keys, k);
    pack(sequence + s.v_at + group * s.h, s.row, s.tokens, s.h, s.padded, 1.f, v);
    for (int64_t head = group * (a.heads / a.groups); head < (group + 1) * (a.heads / a.groups); head++) {
      pack(sequence + head * s.h, s.row, s.tokens, s.h, s.padded, a.scale, q);
      if (bias) reverse(bias + head * s.tokens, s.tokens, reversed);
      for (int64_t first = 0; first < s.tokens; first += QUERIES) {
        const int64_t rows = s.tokens - first < QUERIES ? s.tokens - first : QUERIES;
        const int64_t columns = keys_of(first, rows, s.keys);
        product<false>(rows, columns, s.h, {q + first * s.padded, s.padded, 1}, k, s.keys, scores, s.keys);
        float shares[QUERIES];
        for (int64_t r = 0; r < rows; r++) {
          if (bias) add_bias(scores + r * s.keys, reversed, first + r, s.tokens, columns);
          const Softmax row = softmax(scores + r * s.keys, first + r, columns);
          log_sum[(b * a.heads + head) * s.tokens + first + r] = row.largest + std::log(row.sum);
          shares[r] = 1.f / row.sum;
        }
        product<false>(rows, s.padded, columns, {scores, s.keys, 1}, v, s.padded, mixed, s.padded);
        T* to = out + (b * s.tokens + first) * a.heads * s.h + head * s.h;
        for (int64_t r = 0; r < rows; r++)
          unpack(mixed + r * s.padded, s.padded, 1, s.h, shares[r], to + r * a.heads * s.h, 0);
      }
    }
  }
}

template <typename T>
void attend_backward(Attention a, const T* qkv, const float* bias, const T* out, const float* log_sum, const T* dout, T* dqkv,
                     float* dbias, int64_t begin, int64_t end) {
  const Sizes s(a);
  const int64_t area = s.tokens * s.padded, wide = s.h * s.keys, tall = s.keys * s.padded, out_row = a.heads * s.h;
  Scratch scratch(2 * wide + 3 * tall + 3 * area + 2 * QUERIES * s.keys + 4 * s.keys + s.tokens);
  float* kt = scratch.take(wide);    // Kᵀ
  float* vt = scratch.take(wide);    // Vᵀ
  float* k = scratch.zeros(tall);    // K
  float* dk = scratch.take(tall);
  float* dv = scratch.take(tall);
  float* q = scratch.take(area);     // scale·Q
  float* dq = scratch.take(area);
  float* go = scratch.take(area);    // dO
  float* p = scratch.take(QUERIES * s.keys);
  float* ds = scratch.take(QUERIES * s.keys);
  float* reversed = scratch.zeros(2 * s.keys);
  float* dreversed = scratch.take(2 * s.keys);
  float* delta = scratch.take(s.tokens);  // Σ_c dO·O
  for (int64_t task = begin; task < end; task++) {
    const int64_t b = task / a.groups, group = task % a.groups;
    const T* sequence = qkv + b * s.tokens * s.row;
    T* dsequence = dqkv + b * s.tokens * s.row;
    transpose(sequence + s.k_at + group * s.h, s.row, s.tokens, s.h, s.keys, kt);
    transpose(sequence + s.v_at + group * s.h, s.row, s.tokens, s.h, s.keys, vt);
    pack(sequence + s.k_at + group * s.h, s.row, s.tokens, s.h, s.padded, 1.f, k);
    std::memset(dk, 0, static_cast<size_t>(tall) * sizeof(float));
    std::memset(dv, 0, static_cast<size_t>(tall) * sizeof(float));
    for (int64_t head = group * (a.heads / a.groups); head < (group + 1) * (a.heads / a.groups); head++) {
      pack(sequence + head * s.h, s.row, s.tokens, s.h, s.padded, a.scale, q);
      pack(dout + b * s.tokens * out_row + head * s.h, out_row, s.tokens, s.h, s.padded, 1.f, go);
      for (int64_t t = 0; t < s.tokens; t++) {
        const T* o = out + (b * s.tokens + t) * out_row + head * s.h;
        float total = 0;
        for (int64_t c = 0; c < s.h; c++) total += go[t * s.padded + c] * number(o[c]);
        delta[t] = total;
      }
      if (bias) reverse(bias + head * s.tokens, s.tokens, reversed);
      std::memset(dreversed, 0, static_cast<size_t>(2 * s.keys) * sizeof(float));
      const float* logs = log_sum + (b * a.heads + head) * s.tokens;
      for (int64_t first = 0; first < s.tokens; first += QUERIES) {
        const int64_t rows = s.tokens - first < QUERIES ? s.tokens - first : QUERIES;
        const int64_t columns = keys_of(first, rows, s.keys);
        product<false>(rows, columns, s.h, {q + first * s.padded, s.padded, 1}, kt, s.keys, p, s.keys);
        product<false>(rows, columns, s.h, {go + first * s.padded, s.padded, 1}, vt, s.keys, ds, s.keys);
        for (int64_t r = 0; r < rows; r++) {
          const int64_t i = first + r;
          float *pr = p + r * s.keys, *dsr = ds + r * s.keys, *db = dreversed + s.tokens - 1 - i;
          if (bias) add_bias(pr, reversed, i, s.tokens, columns);
          for (int64_t j = i + 1; j < columns; j++) pr[j] = -INFINITY;
          for (int64_t j = 0; j < columns; j += LANES) {
            Floats probability = exponential(load(pr + j) - logs[i]);
            if (j + LANES > i + 1)
              for (int64_t lane = 0; lane < LANES; lane++) probability[lane] = j + lane > i ? 0 : probability[lane];
            const Floats change = probability * (load(dsr + j) - delta[i]);
            store(pr + j, probability);
            store(dsr + j, change);
            if (bias) store(db + j, load(db + j) + change);
          }
        }
        product<false>(rows, s.padded, columns, {ds, s.keys, 1}, k, s.padded, dq + first * s.padded, s.padded);
        product<true>(columns, s.padded, rows, {ds, 1, s.keys}, q + first * s.padded, s.padded, dk, s.padded);
        product<true>(columns, s.padded, rows, {p, 1, s.keys}, go + first * s.padded, s.padded, dv, s.padded);
      }
      if (bias) {
        float* to = dbias + (b * a.heads + head) * s.tokens;
        for (int64_t distance = 0; distance < s.tokens; distance++) to[distance] = dreversed[s.tokens - 1 - distance];
      }
      unpack(dq, s.padded, s.tokens, s.h, a.scale, dsequence + head * s.h, s.row);
    }
    unpack(dk, s.padded, s.tokens, s.h, 1.f, dsequence + s.k_at + group * s.h, s.row);
    unpack(dv, s.padded, s.tokens, s.h, 1.f, dsequence + s.v_at + group * s.h, s.row);
  }
}

}  // namespace
}  // namespace isoflop
