// Small matrix products in registers, for the blocks of attention.
#pragma once
#include "vector.h"

namespace isoflop {
namespace {

// Vectors per row of a tile, limited by the number of registers.
#ifdef __AVX512F__
constexpr int WIDEST = 4;
#else
constexpr int WIDEST = 1;
#endif
constexpr int TILE_ROWS = 6;

// Left factor, read by broadcasts, so that any strides are possible.
struct Left {
  const float* at;
  int64_t row, column;  // strides
};

template <int ROWS, int VECTORS, bool ADDS>
inline void tile(int64_t inner, Left a, const float* b, int64_t b_row, float* c, int64_t c_row) {
  Floats sums[ROWS][VECTORS];
  for (int m = 0; m < ROWS; m++)
    for (int n = 0; n < VECTORS; n++) sums[m][n] = ADDS ? load(c + m * c_row + n * LANES) : Floats{};
  for (int64_t k = 0; k < inner; k++) {
    Floats right[VECTORS];
    for (int n = 0; n < VECTORS; n++) right[n] = load(b + k * b_row + n * LANES);
    for (int m = 0; m < ROWS; m++) {
      const float left = a.at[m * a.row + k * a.column];
      for (int n = 0; n < VECTORS; n++) sums[m][n] += left * right[n];
    }
  }
  for (int m = 0; m < ROWS; m++)
    for (int n = 0; n < VECTORS; n++) store(c + m * c_row + n * LANES, sums[m][n]);
}

template <int ROWS, int VECTORS, bool ADDS>
inline void rest(int64_t rows, int64_t inner, Left a, const float* b, int64_t b_row, float* c, int64_t c_row) {
  if constexpr (ROWS > 0) {
    if (rows == ROWS) tile<ROWS, VECTORS, ADDS>(inner, a, b, b_row, c, c_row);
    else rest<ROWS - 1, VECTORS, ADDS>(rows, inner, a, b, b_row, c, c_row);
  }
}

template <int VECTORS, bool ADDS>
inline void strip(int64_t rows, int64_t inner, Left a, const float* b, int64_t b_row, float* c, int64_t c_row) {
  int64_t m = 0;
  for (; m + TILE_ROWS <= rows; m += TILE_ROWS)
    tile<TILE_ROWS, VECTORS, ADDS>(inner, {a.at + m * a.row, a.row, a.column}, b, b_row, c + m * c_row, c_row);
  rest<TILE_ROWS - 1, VECTORS, ADDS>(rows - m, inner, {a.at + m * a.row, a.row, a.column}, b, b_row, c + m * c_row, c_row);
}

// Computes C[rows, columns] = A[rows, inner]·B[inner, columns], or C += A·B. `columns` is a
// multiple of LANES.
template <bool ADDS>
inline void product(int64_t rows, int64_t columns, int64_t inner, Left a, const float* b, int64_t b_row, float* c, int64_t c_row) {
  int64_t n = 0;
  for (; n + WIDEST * LANES <= columns; n += WIDEST * LANES) strip<WIDEST, ADDS>(rows, inner, a, b + n, b_row, c + n, c_row);
  if constexpr (WIDEST > 2)
    for (; n + 2 * LANES <= columns; n += 2 * LANES) strip<2, ADDS>(rows, inner, a, b + n, b_row, c + n, c_row);
  for (; n < columns; n += LANES) strip<1, ADDS>(rows, inner, a, b + n, b_row, c + n, c_row);
}

}  // namespace
}  // namespace isoflop
