//! An arm's surface as it is told: with intervals, a holdout, and what a token costs.

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::interval::exp;
use super::made::Made;
use super::numbers::{mean, rms};
use super::per_token::PerToken;
use super::surface::{Objective, Surface, SurfaceFit, SurfaceStatus, searched};
use super::{Interval, Observation, budget_json};

/// L(N, D) = E + A·N^-α + B·D^-β of an arm (Hoffmann et al., arXiv:2203.15556, section 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ArmSurface {
    /// The parameters: E in nats/token, A and B in nats/token at N = 1 and D = 1, α and β without unit.
    #[serde(flatten)]
    pub surface: Surface,
    /// The value that the objective reaches, a sum over runs.
    pub objective: f64,
    /// The objective.
    pub objective_kind: Objective,
    /// 95% intervals of the parameters.
    pub intervals: SurfaceIntervals,
    /// N* ∝ C^(β/(α+β)) where a token costs 6N.
    pub n_exponent: Option<f64>,
    /// Its 95% interval.
    pub n_exponent_interval: Option<Interval>,
    /// Root mean square of log L̂ - log L.
    pub residual: f64,
    /// How far it can be trusted.
    pub status: SurfaceStatus,
    /// Starts that were polished, and how many of them came within 1% of the best objective.
    pub starts: (usize, usize),
    /// Largest difference of log FLOPs/token from the curve in N that the frontier is found on.
    pub per_token_spread: f64,
    /// The largest budget predicted from the others.
    pub holdout: Option<SurfaceHoldout>,
}

/// 95% intervals of a surface's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SurfaceIntervals {
    /// Of E, nats/token.
    #[serde(rename = "E")]
    pub e: Option<Interval>,
    /// Of A.
    #[serde(rename = "A")]
    pub a: Option<Interval>,
    /// Of B.
    #[serde(rename = "B")]
    pub b: Option<Interval>,
    /// Of α.
    pub alpha: Option<Interval>,
    /// Of β.
    pub beta: Option<Interval>,
}

/// The runs of the largest budget, and what a surface through the others says of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SurfaceHoldout {
    /// The budget, FLOPs.
    #[serde(serialize_with = "budget_json::value")]
    #[schemars(with = "f64")]
    pub budget: Budget,
    /// Its runs.
    pub runs: usize,
    /// Mean of log L̂ - log L over them.
    pub mean_error: f64,
    /// Largest |log L̂ - log L| among them.
    pub largest_error: f64,
}

impl ArmSurface {
    pub(super) fn tell(
        fit: &SurfaceFit,
        per_token: &PerToken,
        made: Option<&Made>,
        runs: &[&Observation],
    ) -> Self {
        let interval = |of: fn(&Surface) -> f64| made?.surface_interval(of);
        // Factors and E are positive and skewed: their intervals are of logarithms.
        let log = |of: fn(&Surface) -> f64| made?.surface_interval(|s| of(s).ln()).map(exp);
        Self {
            surface: fit.surface,
            objective: fit.reached,
            objective_kind: made.map_or_else(Objective::default, |made| made.objective()),
            intervals: SurfaceIntervals {
                e: interval(|s| s.e),
                a: log(|s| s.a),
                b: log(|s| s.b),
                alpha: interval(|s| s.alpha),
                beta: interval(|s| s.beta),
            },
            n_exponent: Some(fit.surface.n_exponent()).filter(|p| p.is_finite()),
            n_exponent_interval: made.and_then(Made::n_exponent_interval),
            residual: residual(&fit.surface, runs),
            status: fit.status.clone(),
            starts: (fit.polished, fit.near_best),
            per_token_spread: per_token.spread,
            holdout: made.and_then(|made| holdout(runs, made.objective())),
        }
    }

    /// Whether E may be 0, its bound, where the draws of exponents are one-sided and their intervals too narrow: by least squares and
    /// likelihood they held the truth in 85 to 90% of simulated studies (`coverage_tests.rs`).
    pub fn is_near_bound(&self) -> bool {
        self.intervals.e.is_some_and(|e| e.low < 1e-2)
    }
}

/// Root mean square of log L̂ - log L.
pub(super) fn residual(surface: &Surface, runs: &[&Observation]) -> f64 {
    rms(runs.iter().map(|run| run.error(surface)))
}

fn holdout(runs: &[&Observation], objective: Objective) -> Option<SurfaceHoldout> {
    let budget = runs.iter().map(|run| run.budget).max()?;
    let (last, others): (Vec<&Observation>, Vec<&Observation>) =
        runs.iter().partition(|run| run.budget == budget);
    let points: Vec<_> = others.iter().map(|run| run.point()).collect();
    let fit = searched(&points, objective).ok()?;
    let errors = last.iter().map(|run| run.error(&fit.surface));
    Some(SurfaceHoldout {
        budget,
        runs: last.len(),
        mean_error: mean(errors.clone()),
        largest_error: errors.map(f64::abs).fold(0.0, f64::max),
    })
}
