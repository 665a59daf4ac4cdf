//! Summaries of numbers: mean, root mean square, range, whether they are alike, distinct values.

/// The mean.
pub(super) fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

/// Root mean square.
pub(super) fn rms(values: impl Iterator<Item = f64> + Clone) -> f64 {
    mean(values.map(|value| value.powi(2))).sqrt()
}

/// The least and the most.
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

/// The distinct values, least first.
pub(super) fn distinct(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}
