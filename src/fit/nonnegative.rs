//! Nonnegative least squares of three terms.

use nalgebra::{Matrix3, Vector3};

/// Normal equations of three columns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NormalEquations {
    matrix: Matrix3<f64>,
    right: Vector3<f64>,
    square: f64,
}

impl NormalEquations {
    /// Adds a row: columns, right-hand side, weight.
    #[inline]
    pub(super) fn add(&mut self, row: [f64; 3], y: f64, w: f64) {
        for i in 0..3 {
            for j in 0..=i {
                self.matrix[(i, j)] += w * row[i] * row[j];
            }
            self.right[i] += w * row[i] * y;
        }
        self.square += w * y * y;
    }

    /// Returns the factors and the remaining sum of squares. Exact: of the eight sets of factors
    /// that may be positive, it takes the one with the least sum of squares. Lawson and Hanson
    /// (1974, chapter 23) find that set by a search, which three columns do not need.
    pub(super) fn solve(&self) -> (Vector3<f64>, f64) {
        let feasible = |set: u8| {
            let found = self.solve_within([0, 1, 2].map(|i| set >> i & 1 == 1));
            found.filter(|(x, _)| x.iter().all(|x| *x >= 0.0))
        };
        // A feasible minimum of the problem without bounds is the minimum.
        feasible(7)
            .or_else(|| {
                (0..7)
                    .filter_map(feasible)
                    .min_by(|a, b| a.1.total_cmp(&b.1))
            })
            .unwrap_or((Vector3::zeros(), self.square))
    }

    fn solve_within(&self, set: [bool; 3]) -> Option<(Vector3<f64>, f64)> {
        let mut matrix = self.matrix;
        let mut right = self.right;
        for i in 0..3 {
            for j in 0..i {
                let both = if set[i] && set[j] {
                    matrix[(i, j)]
                } else {
                    0.0
                };
                (matrix[(i, j)], matrix[(j, i)]) = (both, both);
            }
            if !set[i] {
                (matrix[(i, i)], right[i]) = (1.0, 0.0);
            }
        }
        let x = matrix.cholesky()?.solve(&right);
        Some((x, self.square - x.dot(&right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_that_would_be_negative_is_zero() {
        let rows = [
            [1.0, 1.0, 0.5],
            [1.0, 0.5, 0.7],
            [1.0, 0.25, 0.1],
            [1.0, 0.1, 0.9],
            [1.0, 0.9, 0.3],
        ];
        for (truth, expected) in [
            ([2.0, 3.0, 1.0], Some([2.0, 3.0, 1.0])),
            ([2.0, 3.0, -1.0], None),
        ] {
            let mut normal = NormalEquations::default();
            for row in rows {
                normal.add(row, row.iter().zip(truth).map(|(a, b)| a * b).sum(), 1.0);
            }
            let (x, left) = normal.solve();
            match expected {
                Some(expected) => {
                    assert!((x - Vector3::from(expected)).norm() < 1e-10 && left.abs() < 1e-10)
                }
                None => assert!(
                    x[2] == 0.0 && x[0] > 0.0 && x[1] > 0.0 && left > 0.0,
                    "{x} {left}"
                ),
            }
        }
    }
}
