//! Observations: finished runs as fits see them.

use std::collections::BTreeMap;

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::budget_json;
use super::by_key::group_by_key;
use super::numbers::mean;
use super::surface::{self, Surface};

/// Finished run as fits see it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Observation {
    /// Name of the run in messages.
    pub run: String,
    /// Name of the architecture.
    pub arm: String,
    /// Name of the size; arms share a size if the names are equal.
    pub size: String,
    /// Seed of the run.
    pub seed: u64,
    /// Requested budget, FLOPs; runs of one budget form a profile.
    #[serde(serialize_with = "budget_json::value")]
    #[schemars(with = "f64")]
    pub budget: Budget,
    /// Learning-rate factor; 1 if none was tried.
    #[schemars(default = "one")]
    pub lr_factor: f64,
    /// C, training FLOPs.
    pub flops: f64,
    /// N, parameters, counted as the settings choose.
    pub params: f64,
    /// D, training tokens.
    pub tokens: f64,
    /// L, validation loss, nats/token.
    pub loss: f64,
    /// Optional measurements. The table of runs has them, so they are not repeated with the fits.
    #[serde(skip)]
    pub optional: OptionalMeasurements,
}

/// Measurements that only some runs have, for other kinds of fit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OptionalMeasurements {
    /// N without the embedding, parameters.
    pub params_without_embedding: Option<f64>,
    /// Training time in seconds, times the number of devices.
    pub device_seconds: Option<f64>,
    /// Distinct tokens among D; fewer than D if text was repeated.
    pub unique_tokens: Option<f64>,
    /// Peak learning rate.
    pub learning_rate: Option<f64>,
    /// Tokens per step.
    pub batch_tokens: Option<f64>,
}

impl Observation {
    /// Returns the run as a point of a surface.
    pub(super) fn point(&self) -> surface::SurfacePoint {
        surface::SurfacePoint::new(self.params, self.tokens, self.loss)
    }

    /// Returns log L̂ - log L.
    pub(super) fn error(&self, surface: &Surface) -> f64 {
        (surface.loss(self.params, self.tokens) / self.loss).ln()
    }

    /// Returns log N, and log of the FLOPs per token.
    pub(super) fn token_cost(&self) -> (f64, f64) {
        (self.params.ln(), (self.flops / self.tokens).ln())
    }

    /// Reports whether the run read text more than once.
    pub fn repeats(&self) -> bool {
        self.repeated().is_some()
    }

    /// Returns the distinct tokens among D if the run read text more than once.
    pub(super) fn repeated(&self) -> Option<f64> {
        let unique = self.optional.unique_tokens;
        unique.filter(|unique| *unique < self.tokens)
    }

    /// Reports whether N, D and L have logarithms.
    pub(super) fn is_positive(&self) -> bool {
        [self.params, self.tokens, self.loss]
            .iter()
            .all(|x| x.is_finite() && *x > 0.0)
    }
}

const fn one() -> f64 {
    1.0
}

/// Run that is left out of the fits.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExcludedRun {
    /// Name of the run in messages.
    pub run: String,
    /// Reason that it is left out.
    pub reason: String,
}

/// Training curve of a run, up to its end. Approach 1 uses these.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Name of the arm.
    pub arm: String,
    /// Name of the observation of the same run.
    pub run: String,
    /// N, as in the run's observation.
    pub params: f64,
    /// Points in the order of training.
    pub points: Vec<TrajectoryPoint>,
}

/// Point of a training curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrajectoryPoint {
    /// C so far, FLOPs.
    pub flops: f64,
    /// D so far, tokens.
    pub tokens: f64,
    /// L at that point, nats/token.
    pub loss: f64,
}

/// Observations that are fitted together, and the runs that are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Study {
    /// Finished runs with budgets in FLOPs.
    pub observations: Vec<Observation>,
    /// Finished runs with budgets in another unit than FLOPs. They form no IsoFLOP profile, and are
    /// compared only with runs of the same budget and size.
    pub unprofiled: Vec<Observation>,
    /// Runs that are left out.
    pub excluded: Vec<ExcludedRun>,
    /// Assumptions about the runs, and suspected errors in them.
    pub notes: Vec<String>,
    /// Training curves, if available.
    pub trajectories: Vec<Trajectory>,
}

impl Study {
    /// Returns the names of the arms, in order of appearance.
    pub fn arms(&self) -> Vec<String> {
        let arms = group_by_key(&self.observations, |run| run.arm.as_str());
        arms.into_iter().map(|(arm, _)| arm.to_owned()).collect()
    }

    /// Returns all finished runs, first those with budgets in FLOPs.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Observation> {
        self.observations.iter().chain(&self.unprofiled)
    }

    /// Returns the runs of an arm that may form profiles, with their indices.
    pub(super) fn runs_of(&self, arm: &str) -> Vec<(usize, &Observation)> {
        let runs = self.observations.iter().enumerate();
        runs.filter(|(_, run)| run.arm == arm).collect()
    }

    /// Returns the study of these arms only.
    pub(super) fn of_arms(&self, arms: &[&str]) -> Self {
        let is_one = |arm: &String| arms.contains(&arm.as_str());
        let runs = self.observations.iter().filter(|run| is_one(&run.arm));
        let courses = self
            .trajectories
            .iter()
            .filter(|course| is_one(&course.arm));
        Self {
            observations: runs.cloned().collect(),
            trajectories: courses.cloned().collect(),
            ..Self::default()
        }
    }

    /// Returns the pooled standard deviation of the loss between seeds that share (size, budget).
    pub(super) fn seed_noise(&self, arm: &str) -> Option<f64> {
        let runs = self.observations.iter().filter(|run| run.arm == arm);
        between_seeds(runs, |run| run.loss).map(f64::sqrt)
    }
}

/// Returns the pooled variance of a quantity between runs of one (size, budget). `None` with one
/// seed.
pub(super) fn between_seeds<'a>(
    runs: impl IntoIterator<Item = &'a Observation>,
    of: fn(&Observation) -> f64,
) -> Option<f64> {
    let mut cells: BTreeMap<(Budget, &str), Vec<f64>> = BTreeMap::new();
    for run in runs {
        let cell = cells.entry((run.budget, &run.size)).or_default();
        cell.push(of(run));
    }
    let (mut squares, mut freedom) = (0.0, 0usize);
    for values in cells.values() {
        let mean = mean(values.iter().copied());
        let errors = values.iter().map(|value| value - mean);
        squares += errors.map(|error| error.powi(2)).sum::<f64>();
        freedom += values.len() - 1;
    }
    (freedom > 0).then(|| squares / freedom as f64)
}
