//! Summaries of numbers: mean, root mean square, range, equality up to rounding, distinct values.

/// Returns the mean.
pub(super) fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

/// Returns the root mean square.
pub(super) fn rms(values: impl Iterator<Item = f64> + Clone) -> f64 {
    mean(values.map(|value| value.powi(2))).sqrt()
}

/// Returns the minimum and the maximum.
pub(super) fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    (
        values.clone().fold(f64::INFINITY, f64::min),
        values.fold(f64::NEG_INFINITY, f64::max),
    )
}

/// Reports whether losses, given as logarithms, differ only by rounding. A curve through them would
/// show the rounding, not the runs.
pub(super) fn are_equal_up_to_rounding(log_losses: impl Iterator<Item = f64> + Clone) -> bool {
    let (least, most) = range(log_losses);
    most - least < 1e-9
}

/// Returns the distinct values in ascending order.
pub(super) fn distinct(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}
