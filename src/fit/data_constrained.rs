//! Loss under repeated data (Muennighoff et al., arXiv:2305.16264, section 3): L = E + A·N'^-α + B·D'^-β.
//!
//! Repeated tokens are worth less than new ones, and so are parameters beyond those that the unique
//! tokens need: D' = U_D + U_D·R*_D·(1 - exp(-R_D/R*_D)) with R_D = D/U_D - 1 (eq. 5). N' has the
//! same form, with R*_N and U_N, the compute-optimal N for U_D tokens (eq. 6).

use nalgebra::{SMatrix, Vector2};
use schemars::JsonSchema;
use serde::Serialize;

use super::Observation;
use super::minimize::{SearchResult, StopRule, minimize};
use super::surface::Surface;

/// Surface with the worth of repeated tokens and of excess parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DataConstrained {
    /// Law without repetition.
    pub surface: Surface,
    /// R*_D: number of repetitions, beyond the first epoch, at which a further one is worth 1/e of
    /// new data.
    pub r_star_d: f64,
    /// R*_N: the equivalent of R*_D for excess parameters.
    pub r_star_n: f64,
    /// Objective at the fit: the sum over runs of Huber's loss (δ = 1e-3) of log L̂ - log L.
    pub reached: f64,
    /// Status of R*_D and R*_N: interior, or at a bound.
    pub status: DataConstrainedStatus,
}

/// Relation of R*_D and R*_N to the searched range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataConstrainedStatus {
    /// Both are inside the searched range.
    Interior,
    /// One is at an end of the range: in these runs repetition is worth nothing, or as much as new
    /// data. Or no run has excess parameters.
    AtBound,
}

/// Reason that there is no law.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum DataConstrainedRefusal {
    /// Fewer runs than two parameters and a residual need.
    #[error("{runs} runs repeat their data; a law of repeated data needs at least {FEWEST}")]
    TooFewRuns {
        /// Number of runs that repeat data.
        runs: usize,
    },
    /// A term of the surface is zero, so U_N is undefined.
    #[error(
        "a parameter of the surface is 0, so the compute-optimal size for a token count is undefined"
    )]
    NoOptimum,
    /// A loss or a count has no logarithm.
    #[error("a run's parameters, tokens, unique tokens or loss are not positive numbers")]
    NotPositive,
}

/// Fewest runs that repeat data.
const FEWEST: usize = 3;

/// Range of R*. Estimates outside are clamped to it.
const RANGE: (f64, f64) = (0.01, 1e4);

/// Huber's δ, in log loss.
const DELTA: f64 = 1e-3;

const STOP: StopRule = StopRule {
    decrease: 1e-10,
    floor: 1e-14,
    evaluations: 500,
};

/// Returns the worth of x, of which u are new: u + u·R*·(1 - exp(-R/R*)), and its derivative by log
/// R*.
fn worth(x: f64, u: f64, r_star: f64) -> (f64, f64) {
    let ratio = (x / u - 1.0).max(0.0) / r_star;
    let decayed = -(-ratio).exp_m1();
    (
        x.min(u) + u * r_star * decayed,
        u * r_star * (decayed - ratio * (-ratio).exp()),
    )
}

/// Returns U_N, the compute-optimal N for a number of tokens: C = 6·N·D, where αA·N^-α = βB·D^-β
/// (arXiv:2203.15556, eq. 4).
fn optimal_n(s: &Surface, tokens: f64) -> f64 {
    (((s.alpha * s.a) / (s.beta * s.b)).ln() / s.alpha + tokens.ln() * s.beta / s.alpha).exp()
}

impl DataConstrained {
    /// Returns the loss of N parameters on D tokens of which `unique` are distinct, nats/token.
    pub fn loss(&self, n: f64, d: f64, unique: f64) -> f64 {
        let unique = unique.min(d);
        let effective_n = worth(n, optimal_n(&self.surface, unique), self.r_star_n).0;
        self.surface
            .loss(effective_n, worth(d, unique, self.r_star_d).0)
    }
}

/// A run that read text more than once, and its number of distinct tokens.
type RepeatedDataRun<'a> = (&'a Observation, f64);

fn repeated_data_runs<'a>(runs: &[&'a Observation]) -> Vec<RepeatedDataRun<'a>> {
    let repeating = runs.iter().map(|run| Some((*run, run.repeated()?)));
    repeating.flatten().collect()
}

/// Fits R*_D and R*_N to the runs that repeat data, on the surface of the other runs.
pub fn fit(
    surface: &Surface,
    runs: &[&Observation],
) -> Result<DataConstrained, DataConstrainedRefusal> {
    let runs = &repeated_data_runs(runs);
    check(surface, runs)?;
    let found = search(surface, runs);
    let [r_star_d, r_star_n] =
        [found.at[0], found.at[1]].map(|log| log.exp().clamp(RANGE.0, RANGE.1));
    let inside = [r_star_d, r_star_n]
        .iter()
        .all(|r| *r > RANGE.0 && *r < RANGE.1);
    let excess = runs
        .iter()
        .any(|(run, unique)| run.params > optimal_n(surface, *unique));
    let status = if inside && excess {
        DataConstrainedStatus::Interior
    } else {
        DataConstrainedStatus::AtBound
    };
    Ok(DataConstrained {
        surface: *surface,
        r_star_d,
        r_star_n,
        reached: found.value,
        status,
    })
}

/// Searches log R*_D and log R*_N from several starts. The objective is flat where R* is far above
/// or below all repetitions.
fn search(surface: &Surface, runs: &[RepeatedDataRun<'_>]) -> SearchResult<2> {
    const STARTS: [f64; 3] = [0.0, 2.0, 4.0];
    let from = |log_d: f64, log_n: f64| {
        let start = Vector2::new(log_d, log_n);
        let objective = |x: &Vector2<f64>| objective(surface, runs, x);
        minimize(objective, start, SMatrix::identity(), STOP)
    };
    let mut best = from(STARTS[0], STARTS[0]);
    for (d, n) in STARTS.iter().flat_map(|d| STARTS.map(|n| (*d, n))).skip(1) {
        let found = from(d, n);
        if found.value < best.value {
            best = found;
        }
    }
    best
}

fn check(s: &Surface, runs: &[RepeatedDataRun<'_>]) -> Result<(), DataConstrainedRefusal> {
    let positive = |x: &f64| x.is_finite() && *x > 0.0;
    if !runs
        .iter()
        .all(|(run, unique)| run.is_positive() && positive(unique))
    {
        return Err(DataConstrainedRefusal::NotPositive);
    }
    if ![s.a, s.b, s.alpha, s.beta].iter().all(positive) {
        return Err(DataConstrainedRefusal::NoOptimum);
    }
    if runs.len() < FEWEST {
        Err(DataConstrainedRefusal::TooFewRuns { runs: runs.len() })
    } else {
        Ok(())
    }
}

/// Returns the sum of Huber's loss, and its gradient by log R*_D and log R*_N.
fn objective(s: &Surface, runs: &[RepeatedDataRun<'_>], x: &Vector2<f64>) -> (f64, Vector2<f64>) {
    let (r_star_d, r_star_n) = (x[0].exp(), x[1].exp());
    let (mut value, mut gradient) = (0.0, Vector2::zeros());
    for (run, unique) in runs {
        let (d, d_by) = worth(run.tokens, *unique, r_star_d);
        let (n, n_by) = worth(run.params, optimal_n(s, *unique), r_star_n);
        let in_n = s.a * (-s.alpha * n.ln()).exp();
        let in_d = s.b * (-s.beta * d.ln()).exp();
        let loss = s.e + in_n + in_d;
        let r = (loss / run.loss).ln();
        let slope = r.clamp(-DELTA, DELTA);
        value += slope * (r - 0.5 * slope);
        gradient -=
            Vector2::new(s.beta * in_d / d * d_by, s.alpha * in_n / n * n_by) * (slope / loss);
    }
    (value, gradient)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::run;
    use super::*;

    /// Muennighoff et al., appendix A: their fit on C4.
    const SURFACE: Surface = Surface {
        e: 1.87,
        a: 521.0,
        b: 1488.0,
        alpha: 0.353,
        beta: 0.353,
    };

    fn runs(r_star_d: f64, r_star_n: f64) -> Vec<Observation> {
        let status = DataConstrainedStatus::Interior;
        let law = DataConstrained {
            surface: SURFACE,
            r_star_d,
            r_star_n,
            reached: 0.0,
            status,
        };
        let mut runs = Vec::new();
        for unique in [1e8, 4e8, 1.5e9, 9e9] {
            for epochs in [1.0, 2.0, 4.0, 8.0, 20.0, 60.0] {
                for n in [2e7, 1e8, 5e8, 3e9] {
                    let d = epochs * unique;
                    let mut run = run(n, d, law.loss(n, d, unique));
                    run.optional.unique_tokens = Some(unique);
                    runs.push(run);
                }
            }
        }
        runs
    }

    fn fitted(runs: &[Observation]) -> Result<DataConstrained, DataConstrainedRefusal> {
        fit(&SURFACE, &runs.iter().collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_repetition_is_worth_is_recovered(r_star_d in 2.0..40.0f64, r_star_n in 1.0..20.0f64) {
            let fitted = fitted(&runs(r_star_d, r_star_n)).unwrap();
            prop_assert_eq!(fitted.status, DataConstrainedStatus::Interior);
            prop_assert!((fitted.r_star_d / r_star_d - 1.0).abs() < 1e-3, "{fitted:?}");
            prop_assert!((fitted.r_star_n / r_star_n - 1.0).abs() < 1e-3, "{fitted:?}");
        }

        /// Compares gradients with central differences.
        #[test]
        fn gradients_are_those_of_the_values(log_d in -1.0..4.0f64, log_n in -1.0..4.0f64) {
            let runs = runs(15.4, 5.3);
            let at = |d: f64, n: f64| objective(&SURFACE, &repeated_data_runs(&runs.iter().collect::<Vec<_>>()), &Vector2::new(log_d + d, log_n + n));
            let (_, gradient) = at(0.0, 0.0);
            let h = 1e-5;
            for (i, difference) in [at(h, 0.0).0 - at(-h, 0.0).0, at(0.0, h).0 - at(0.0, -h).0].into_iter().enumerate() {
                prop_assert!((gradient[i] - difference / (2.0 * h)).abs() < 1e-4 * (gradient.norm() + 1e-6), "{i}");
            }
        }
    }

    /// Recovers the published constants from runs that obey them.
    #[test]
    fn muennighoffs_constants_come_back() {
        let fitted = fitted(&runs(15.4, 5.3)).unwrap();
        assert!(
            (fitted.r_star_d - 15.4).abs() < 0.01 && (fitted.r_star_n - 5.3).abs() < 0.01,
            "{fitted:?}"
        );
        // With one epoch and no excess parameters, the law is the surface.
        assert!((fitted.loss(1e7, 1e9, 1e9) - SURFACE.loss(1e7, 1e9)).abs() < 1e-12);
    }

    #[test]
    fn what_no_run_shows_is_flagged_or_refused() {
        let once: Vec<Observation> = runs(15.4, 5.3)
            .into_iter()
            .filter(|run| Some(run.tokens) == run.optional.unique_tokens)
            .collect();
        let refusal = fitted(&once).unwrap_err();
        insta::assert_snapshot!(refusal, @"0 runs repeat their data; a law of repeated data needs at least 3");
        let small: Vec<Observation> = runs(15.4, 5.3)
            .into_iter()
            .filter(|run| run.params < 3e7 && run.optional.unique_tokens > Some(1e9))
            .collect();
        assert_eq!(
            fitted(&small).unwrap().status,
            DataConstrainedStatus::AtBound
        );
    }
}
