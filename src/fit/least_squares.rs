//! Weighted linear least squares of a few terms.

use nalgebra::{SMatrix, SVector};

/// The coefficients of rows of (terms, value, weight), by the normal equations. `ridge` is added to the squares of each
/// coefficient. None where the terms do not determine them.
pub(super) fn least_squares<const P: usize>(
    rows: impl IntoIterator<Item = (SVector<f64, P>, f64, f64)>,
    ridge: f64,
) -> Option<SVector<f64, P>> {
    let mut normal = SMatrix::<f64, P, P>::from_diagonal_element(ridge);
    let mut right = SVector::<f64, P>::zeros();
    for (terms, value, weight) in rows {
        normal.ger(weight, &terms, &terms, 1.0);
        right.axpy(weight * value, &terms, 1.0);
    }
    Some(normal.cholesky()?.solve(&right))
}
