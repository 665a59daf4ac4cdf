//! Loss of over-trained models (Gadre et al., arXiv:2403.08540, eq. 4):
//! L = E + a·N^c + b·6^(c/2)·(M·N)^c, with M = D/N tokens per parameter and c below zero.
//!
//! Both terms have the same exponent. N and D then scale in the same way at fixed M, and lines of
//! equal M are parallel in log reducible loss against log compute. Five small runs determine the
//! law.

use schemars::JsonSchema;
use serde::Serialize;

use super::Observation;
use super::nonnegative::NormalEquations;
use super::numbers::{mean, range};
use super::scalar::minimum;

/// L = E + a·N^c + b·6^(c/2)·D^c.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OverTraining {
    /// Irreducible loss, nats/token.
    #[serde(rename = "E")]
    pub e: f64,
    /// Factor of the term in N.
    pub a: f64,
    /// Factor of the term in D.
    pub b: f64,
    /// Exponent of both terms, below zero.
    pub c: f64,
    /// Reliability of the law.
    pub status: OverTrainingStatus,
}

/// Reliability of a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverTrainingStatus {
    /// All factors are positive, and the exponent is inside the range of the search.
    Interior,
    /// A factor is zero, or the exponent is at an end of the range of the search.
    AtBound,
}

/// Reason that there is no law.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum OverTrainingRefusal {
    /// Too few runs to fit four parameters and leave a residual.
    #[error("{runs} finished runs; an over-training law needs at least {FEWEST}")]
    TooFewRuns {
        /// Number of finished runs.
        runs: usize,
    },
    /// All runs have the same M, so the terms in N and in D cannot be distinguished.
    #[error(
        "all runs have the same ratio of tokens to parameters; an over-training law needs at least 2 ratios"
    )]
    OneRatio,
    /// A loss or a count has no logarithm.
    #[error("a run's parameters, tokens or loss are not positive numbers")]
    NotPositive,
}

/// Minimum number of runs: one more than parameters.
const FEWEST: usize = 5;

/// Range of the search for -c, which is logarithmic.
const STEEPNESS: (f64, f64) = (0.01, 3.0);

impl OverTraining {
    /// Returns the loss of N parameters trained on D tokens, nats/token.
    pub fn loss(&self, n: f64, d: f64) -> f64 {
        self.e
            + self.a * (self.c * n.ln()).exp()
            + self.b * (self.c * (d.ln() + 0.5 * 6f64.ln())).exp()
    }
}

/// Fits the loss itself, not its logarithm, by least squares, as Gadre et al. do. Given c the law
/// is linear in E, a and b, so the search is over c only.
pub fn fit(runs: &[&Observation]) -> Result<OverTraining, OverTrainingRefusal> {
    check(runs)?;
    let project = |log: f64| project(runs, -log.exp());
    // Take the best point of a grid, then the minimum between its neighbours.
    let (low, high) = (STEEPNESS.0.ln(), STEEPNESS.1.ln());
    let place = |i: u32| low + (high - low) * f64::from(i) / 60.0;
    let left: Vec<f64> = (0..=60).map(|i| project(place(i)).1).collect();
    let best = (0..=60u32).min_by(|i, j| left[*i as usize].total_cmp(&left[*j as usize]));
    let best = best.unwrap_or(0);
    let (from, to) = (place(best.saturating_sub(1)), place((best + 1).min(60)));
    let log = minimum(|log| project(log).1, from, to, 1e-9);
    let mut law = project(log).0;
    let at_end = best == 0 || best == 60;
    if !at_end && law.e > 0.0 && law.a > 0.0 && law.b > 0.0 {
        law.status = OverTrainingStatus::Interior;
    }
    Ok(law)
}

fn check(runs: &[&Observation]) -> Result<(), OverTrainingRefusal> {
    if !runs.iter().all(|run| run.is_positive()) {
        return Err(OverTrainingRefusal::NotPositive);
    }
    if runs.len() < FEWEST {
        return Err(OverTrainingRefusal::TooFewRuns { runs: runs.len() });
    }
    let (least, most) = range(runs.iter().map(|run| (run.tokens / run.params).ln()));
    // Token counts are whole batches, so equal ratios differ slightly.
    if most - least < 0.05 {
        Err(OverTrainingRefusal::OneRatio)
    } else {
        Ok(())
    }
}

/// Returns the best law for an exponent, and its sum of squares. The sum is taken over the
/// residuals, because the normal equations lose its digits.
fn project(runs: &[&Observation], c: f64) -> (OverTraining, f64) {
    let centre = mean(runs.iter().map(|run| run.params.ln()));
    let mut normal = NormalEquations::default();
    for run in runs {
        let power = |x: f64| (c * (x.ln() - centre)).exp();
        normal.add([1.0, power(run.params), power(run.tokens)], run.loss, 1.0);
    }
    let (factors, _) = normal.solve();
    let scale = (-c * centre).exp();
    let law = OverTraining {
        e: factors[0],
        a: factors[1] * scale,
        b: factors[2] * scale * (-0.5 * c * 6f64.ln()).exp(),
        c,
        status: OverTrainingStatus::AtBound,
    };
    let error = |run: &&Observation| law.loss(run.params, run.tokens) - run.loss;
    (law, runs.iter().map(|run| error(run).powi(2)).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::surface::reference_columns;
    use super::super::tests::run;
    use super::*;

    fn fitted(runs: &[Observation]) -> Result<OverTraining, OverTrainingRefusal> {
        fit(&runs.iter().collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn a_law_without_noise_is_recovered(e in 0.5..2.5f64, a in 20.0..300.0f64, b in 20.0..300.0f64, c in 0.15..0.4f64) {
            let law = OverTraining { e, a, b, c: -c, status: OverTrainingStatus::Interior };
            let of = |n: f64, m: f64| run(n, m * n, law.loss(n, m * n));
            let runs = [of(1e7, 20.0), of(8e7, 20.0), of(1.5e8, 20.0), of(4e8, 20.0), of(1e7, 320.0)];
            let fitted = fitted(&runs).unwrap();
            prop_assert_eq!(fitted.status, OverTrainingStatus::Interior);
            prop_assert!((fitted.c + c).abs() < 1e-4 && (fitted.e - e).abs() < 1e-3, "{fitted:?}");
            prop_assert!((fitted.loss(7e9, 1e12) - law.loss(7e9, 1e12)).abs() < 1e-3);
        }
    }

    /// Gadre et al., RedPajama: four sizes at M = 20 and the smallest at M = 320 predict 1.4B at
    /// M = 640 and 6.9B at M = 20.
    #[test]
    fn gadres_small_runs_predict_his_large_ones() {
        let names = ["params", "tokens", "loss", "token_multiplier"];
        let keep = |column: &dyn Fn(&str) -> String| column("dataset") == "rpj";
        let Some(rows) = reference_columns("gadre-104-models.csv", names, keep) else {
            return;
        };
        let small = |[n, _, _, m]: &&[f64; 4]| (*n < 5e8 && *m == 1.0) || (*n < 2e7 && *m == 16.0);
        let runs: Vec<Observation> = rows
            .iter()
            .filter(small)
            .map(|[n, d, loss, _]| run(*n, *d, *loss))
            .collect();
        assert_eq!(runs.len(), 5);
        let law = fitted(&runs).unwrap();
        assert!(
            (law.e - 1.8366).abs() < 5e-5 && (law.c + 0.27285).abs() < 5e-6,
            "{law:?}"
        );
        let large: Vec<&[f64; 4]> = rows
            .iter()
            .filter(|[n, _, _, m]| *n > 1e9 && (*m == 32.0 || *n > 5e9))
            .collect();
        assert_eq!(large.len(), 2);
        for ([n, d, loss, _], off) in large.into_iter().zip([0.71, 0.73]) {
            let error = 100.0 * (law.loss(*n, *d) / loss - 1.0);
            assert!((error.abs() - off).abs() < 5e-3, "{error}");
        }
    }

    #[test]
    fn refusals_say_why() {
        let run = |n: f64| run(n, 20.0 * n, 3.0);
        let few = fitted(&[run(1e7), run(2e7)]).unwrap_err();
        insta::assert_snapshot!(few, @"2 finished runs; an over-training law needs at least 5");
        let line = fitted(&[1e7, 2e7, 4e7, 8e7, 16e7].map(run)).unwrap_err();
        insta::assert_snapshot!(line, @"all runs have the same ratio of tokens to parameters; an over-training law needs at least 2 ratios");
    }
}
