//! 95% intervals from bootstrap draws, and how much wider than the draws they must be.
//!
//! A replicate's spread is too small when a fit spends p of its n runs on its numbers; it is
//! widened around the estimate by a power of n / (n - p) between HC1's of 1/2 and HC3's of 1 (MacKinnon and White 1985,
//! doi:10.1016/0304-4076(85)90158-7), and by Student's quantile with n - p degrees of freedom over the normal one. The power
//! is the one whose 95% intervals hold the truth in 90 to 98% of simulated studies (`coverage_tests.rs` prints the shares).

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
    /// `half` to each side of a value.
    pub(super) fn around(value: f64, half: f64) -> Self {
        Self {
            low: value - half,
            high: value + half,
        }
    }

    /// Both ends put through `of`, which must rise.
    pub(super) fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self {
            low: of(self.low),
            high: of(self.high),
        }
    }

    /// `1.20 to 1.41`
    pub fn words(self, show: impl Fn(f64) -> String) -> String {
        format!("{} to {}", show(self.low), show(self.high))
    }
}

/// Share of replicates that may fail (a parabola that opens downwards, say) before no interval is given.
const FAILURES_ALLOWED: f64 = 0.05;

/// HC1's power: what cubics and windowed parabolas need.
pub(super) const HC1: f64 = 0.5;
/// The power that parabolas through all sizes need: with HC1's their intervals held the truth in 89 to 94%.
pub(super) const PARABOLA: f64 = 0.75;

/// What replicates are widened by where `runs` carry `parameters`; NaN where nothing is left over.
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

/// The central 95% of the replicates, widened around the estimate; none where too many failed.
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

/// The interval of a number, from that of its logarithm.
pub(super) fn exp(log: Interval) -> Interval {
    log.map(f64::exp)
}

/// Two-sided p that the truth is 0, from the same widened draws as the interval; at least one draw's share.
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

/// Linear interpolation between order statistics.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (at - at.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::student;

    /// Against a printed table of the distribution.
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
