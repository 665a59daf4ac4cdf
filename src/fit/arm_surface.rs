//! The surface of an arm with intervals, holdout, and the error of FLOPs per token.

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::arm_estimate::ArmEstimate;
use super::interval::exp_interval;
use super::numbers::{mean, rms};
use super::per_token::PerToken;
use super::surface::{Objective, Surface, SurfaceFit, SurfaceStatus, fit_with_search};
use super::{Interval, Observation, budget_json};

/// Surface L(N, D) = E + A·N^-α + B·D^-β of an arm (Hoffmann et al., arXiv:2203.15556, section
/// 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ArmSurface {
    /// Parameters: E in nats/token, A and B in nats/token at N = 1 and D = 1, α and β
    /// dimensionless.
    #[serde(flatten)]
    pub surface: Surface,
    /// Value of the objective at the fit, summed over runs.
    pub objective: f64,
    /// Kind of the objective.
    pub objective_kind: Objective,
    /// 95% intervals of the parameters.
    pub intervals: SurfaceIntervals,
    /// Exponent of N* ∝ C^(β/(α+β)), if a token costs 6N FLOPs.
    pub n_exponent: Option<f64>,
    /// 95% interval of that exponent.
    pub n_exponent_interval: Option<Interval>,
    /// Root mean square of log L̂ - log L.
    pub residual: f64,
    /// Status of the fit: interior, or parameters at their bounds.
    pub status: SurfaceStatus,
    /// Number of starts that were polished, and of those that came within 1% of the best objective.
    pub starts: (usize, usize),
    /// Largest residual of log FLOPs/token from the curve in N that gives the frontier.
    pub per_token_spread: f64,
    /// Prediction of the largest budget from the others.
    pub holdout: Option<SurfaceHoldout>,
}

/// 95% intervals of a surface's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SurfaceIntervals {
    /// 95% interval of E, nats/token.
    #[serde(rename = "E")]
    pub e: Option<Interval>,
    /// 95% interval of A, nats/token at N = 1.
    #[serde(rename = "A")]
    pub a: Option<Interval>,
    /// 95% interval of B, nats/token at D = 1.
    #[serde(rename = "B")]
    pub b: Option<Interval>,
    /// 95% interval of α.
    pub alpha: Option<Interval>,
    /// 95% interval of β.
    pub beta: Option<Interval>,
}

/// Prediction of the runs at the largest budget by a surface through the other runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SurfaceHoldout {
    /// Largest budget, FLOPs.
    #[serde(serialize_with = "budget_json::value")]
    #[schemars(with = "f64")]
    pub budget: Budget,
    /// Number of runs at this budget.
    pub runs: usize,
    /// Mean of log L̂ - log L over these runs.
    pub mean_error: f64,
    /// Largest |log L̂ - log L| of these runs.
    pub largest_error: f64,
}

impl ArmSurface {
    pub(super) fn new(
        fit: &SurfaceFit,
        per_token: &PerToken,
        made: Option<&ArmEstimate>,
        runs: &[&Observation],
    ) -> Self {
        let interval = |of: fn(&Surface) -> f64| made?.surface_interval(of);
        // A and B are positive and their replicates skewed, so their intervals are computed on
        // logarithms.
        let log =
            |of: fn(&Surface) -> f64| made?.surface_interval(|s| of(s).ln()).map(exp_interval);
        Self {
            surface: fit.surface,
            objective: fit.objective_value,
            objective_kind: made.map_or_else(Objective::default, |made| made.objective()),
            intervals: SurfaceIntervals {
                e: interval(|s| s.e),
                a: log(|s| s.a),
                b: log(|s| s.b),
                alpha: interval(|s| s.alpha),
                beta: interval(|s| s.beta),
            },
            n_exponent: Some(fit.surface.n_exponent()).filter(|p| p.is_finite()),
            n_exponent_interval: made.and_then(ArmEstimate::n_exponent_interval),
            residual: residual(&fit.surface, runs),
            status: fit.status.clone(),
            starts: (fit.starts, fit.near_best),
            per_token_spread: per_token.spread,
            holdout: made.and_then(|made| holdout(runs, made.objective())),
        }
    }

    /// Reports whether E may be 0, its lower bound.
    ///
    /// The replicates of the exponents are then one-sided and their intervals too narrow. With
    /// least squares and likelihood, these contained the truth in 85 to 90% of simulated studies
    /// (`coverage_tests.rs`).
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
    let fit = fit_with_search(&points, objective).ok()?;
    let errors = last.iter().map(|run| run.error(&fit.surface));
    Some(SurfaceHoldout {
        budget,
        runs: last.len(),
        mean_error: mean(errors.clone()),
        largest_error: errors.map(f64::abs).fold(0.0, f64::max),
    })
}
