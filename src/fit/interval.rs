//! 95% intervals from bootstrap draws, and the factor that widens them.
//!
//! The spread of replicates is too small if a fit of p parameters has only n runs. It is widened
//! around the estimate by two factors. The first is a power of n / (n - p), between HC1's of 1/2
//! and HC3's of 1 (MacKinnon and White 1985, doi:10.1016/0304-4076(85)90158-7). The second is
//! Student's quantile with n - p degrees of freedom over the normal one. The power is the one whose
//! 95% intervals contain the truth in 90 to 98% of simulated studies (`coverage_tests.rs` prints
//! the shares).

use schemars::JsonSchema;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Interval {
    /// 2.5% quantile.
    pub low: f64,
    /// 97.5% quantile.
    pub high: f64,
}

impl Interval {
    /// Returns the interval of `half` on each side of a value.
    pub(super) fn around(value: f64, half: f64) -> Self {
        Self {
            low: value - half,
            high: value + half,
        }
    }

    /// Maps both ends through `of`, which must be increasing.
    pub(super) fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self {
            low: of(self.low),
            high: of(self.high),
        }
    }

    /// Formats the interval, such as `1.20 to 1.41`.
    pub fn formatted(self, show: impl Fn(f64) -> String) -> String {
        format!("{} to {}", show(self.low), show(self.high))
    }
}

/// Largest share of failed replicates (such as a parabola that opens downwards) for which an
/// interval is still returned.
const FAILURES_ALLOWED: f64 = 0.05;

/// Power of HC1, for cubics and windowed parabolas.
pub(super) const HC1: f64 = 0.5;
/// Power for parabolas through all sizes. With HC1's power, their intervals contained the truth in
/// 89 to 94%.
pub(super) const PARABOLA: f64 = 0.75;

/// Returns the factor that widens the replicates of a fit of `parameters` to `runs`. NaN without
/// degrees of freedom.
pub(super) fn widening(runs: usize, parameters: usize, power: f64) -> f64 {
    let (n, p) = (runs as f64, parameters as f64);
    if n > p {
        (n / (n - p)).powf(power) * student(n - p) / NORMAL
    } else {
        f64::NAN
    }
}

/// 97.5% quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// 97.5% quantile of Student's distribution.
pub(super) fn student(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |student| student.inverse_cdf(0.975))
}

/// Returns the central 95% of the replicates, widened around the estimate. `None` if too many
/// failed.
pub(super) fn interval(
    draws: impl IntoIterator<Item = Option<f64>>,
    estimate: f64,
    widening: f64,
) -> Option<Interval> {
    let draws: Vec<Option<f64>> = draws.into_iter().collect();
    let mut values: Vec<f64> = draws
        .iter()
        .copied()
        .flatten()
        .filter(|v| v.is_finite())
        .collect();
    if draws.is_empty()
        || !estimate.is_finite()
        || !widening.is_finite()
        || (values.len() as f64) < (1.0 - FAILURES_ALLOWED) * draws.len() as f64
    {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let widened = |q: f64| estimate + widening * (quantile(&values, q) - estimate);
    Some(Interval {
        low: widened(0.025),
        high: widened(0.975),
    })
}

/// Returns the interval of a number from the interval of its logarithm.
pub(super) fn exp_interval(log: Interval) -> Interval {
    log.map(f64::exp)
}

/// Returns the two-sided p-value for a true value of 0, from the same widened draws as the
/// interval. It is at least 1 over the number of draws.
pub(super) fn p_value(draws: &[Option<f64>], estimate: f64, widening: f64) -> Option<f64> {
    let given: Vec<f64> = draws
        .iter()
        .flatten()
        .map(|draw| estimate + widening * (draw - estimate))
        .collect();
    let count = given.len() as f64;
    if !widening.is_finite()
        || given.is_empty()
        || count < (1.0 - FAILURES_ALLOWED) * draws.len() as f64
    {
        return None;
    }
    let below = given.iter().filter(|value| **value < 0.0).count() as f64;
    Some((2.0 * below.min(count - below) / count).clamp(1.0 / count, 1.0))
}

/// Interpolates linearly between order statistics.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (at - at.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::student;

    /// Compares with a printed table of the distribution.
    #[test]
    fn students_quantiles_are_the_tables() {
        for (freedom, quantile) in [
            (1.0, 12.706),
            (2.0, 4.303),
            (3.0, 3.182),
            (5.0, 2.571),
            (9.0, 2.262),
            (30.0, 2.042),
            (1000.0, 1.962),
        ] {
            assert!(
                (student(freedom) / quantile - 1.0f64).abs() < 3e-4,
                "{freedom}: {}",
                student(freedom)
            );
        }
    }
}
