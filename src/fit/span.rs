//! Least and most.

/// The least and the most of numbers.
pub(super) fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    (
        values.clone().fold(f64::INFINITY, f64::min),
        values.fold(f64::NEG_INFINITY, f64::max),
    )
}

/// Whether losses, given by their logarithms, differ by rounding alone: what bends or falls there is none of the runs' doing.
pub(super) fn are_alike(log_losses: impl Iterator<Item = f64> + Clone) -> bool {
    let (least, most) = range(log_losses);
    most - least < 1e-9
}
