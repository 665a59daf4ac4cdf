//! Diagnosis of residuals: a trend shows that the law has the wrong form.

use schemars::JsonSchema;
use serde::Serialize;

use super::Observation;
use super::numbers::mean;
use super::surface::Surface;

/// Trends in the residuals of a surface.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// Rank correlations of the residuals with N, D and C.
    pub trends: Vec<Trend>,
    /// Run with the largest residual, and its log L̂ - log L.
    pub furthest: Option<(String, f64)>,
}

/// Spearman's rank correlation of the residuals with a quantity.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Trend {
    /// Quantity: `N`, `D` or `C`.
    pub against: String,
    /// Rank correlation of log L̂ - log L with the quantity.
    pub correlation: f64,
    /// Two-sided p-value of no correlation, by the normal approximation; too small if the residuals
    /// of neighbouring runs are correlated.
    pub p_value: f64,
}

impl Trend {
    /// Reports whether the trend is significant enough for a warning.
    pub fn is_significant(&self) -> bool {
        self.p_value < 0.01
    }
}

pub(super) fn diagnose(runs: &[&Observation], surface: &Surface) -> Diagnosis {
    let of_each =
        |of: &dyn Fn(&Observation) -> f64| runs.iter().map(|run| of(run)).collect::<Vec<f64>>();
    let errors = of_each(&|run| run.error(surface));
    let against = |name: &str, of: fn(&Observation) -> f64| {
        let correlation = pearson(&ranks(&errors), &ranks(&of_each(&of)));
        // Without correlation, Spearman's coefficient has a variance of 1/(n - 1).
        let z = correlation.abs() * (runs.len() as f64 - 1.0).sqrt();
        Trend {
            against: name.to_owned(),
            correlation,
            p_value: libm::erfc(z / std::f64::consts::SQRT_2),
        }
    };
    let furthest = errors
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    Diagnosis {
        trends: vec![
            against("N", |run| run.params),
            against("D", |run| run.tokens),
            against("C", |run| run.flops),
        ],
        furthest: furthest.map(|(at, error)| (runs[at].run.clone(), *error)),
    }
}

/// Returns ranks from 0. Ties share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let first = order.partition_point(|at| values[*at] < values[tied[0]]);
        tied.iter()
            .for_each(|at| ranks[*at] = first as f64 + (tied.len() as f64 - 1.0) / 2.0);
    }
    ranks
}

fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let [mx, my] = [x, y].map(|values| mean(values.iter().copied()));
    let sum = |f: fn(f64, f64) -> f64| x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)).sum::<f64>();
    let (xx, yy) = (sum(|a, _| a * a), sum(|_, b| b * b));
    if xx > 0.0 && yy > 0.0 {
        sum(|a, b| a * b) / (xx * yy).sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with values computed by hand: the ranks of y are 0, 2, 1, 3.5, 3.5.
    #[test]
    fn ranks_correlate_as_by_hand() {
        assert_eq!(ranks(&[0.1, 7.0, 2.0, 9.0, 9.0]), [0.0, 2.0, 1.0, 3.5, 3.5]);
        let r = pearson(
            &ranks(&[1.0, 2.0, 3.0, 4.0, 5.0]),
            &ranks(&[0.1, 7.0, 2.0, 9.0, 9.0]),
        );
        assert!((r - 8.5 / (10.0f64 * 9.5).sqrt()).abs() < 1e-12, "{r}");
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    }
}
