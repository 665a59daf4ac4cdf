//! WeightedPoint linear least squares of a few terms.

use nalgebra::{SMatrix, SVector};

/// Returns the coefficients for rows of (terms, value, weight), by the normal equations. `ridge`
/// times the square of each coefficient is added to the sum of squares. `None` if the terms do not
/// determine the coefficients.
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
