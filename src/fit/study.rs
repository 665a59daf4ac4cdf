//! What was observed.

use std::collections::BTreeMap;

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::budget_json;
use super::by_key::by_key;
use super::numbers::mean;
use super::surface::{self, Surface};

/// One finished run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Observation {
    /// Its name in messages.
    pub run: String,
    /// The architecture's name.
    pub arm: String,
    /// The shape's name: arms share a size where the names are equal.
    pub size: String,
    /// Seed.
    pub seed: u64,
    /// Budget asked for; in JSON its value, FLOPs: the runs of one value are a profile.
    #[serde(serialize_with = "budget_json::value")]
    #[schemars(with = "f64")]
    pub budget: Budget,
    /// Factor on the learning rate that a rule gives: 1 where none were tried.
    #[schemars(default = "one")]
    pub lr_factor: f64,
    /// C, FLOPs spent.
    pub flops: f64,
    /// N, by whichever convention the caller chose.
    pub params: f64,
    /// D.
    pub tokens: f64,
    /// L, nats/token.
    pub loss: f64,
    /// What else is known of it; the table of runs has it, and so it is not told again with the fits.
    #[serde(skip)]
    pub further: Further,
}

/// What is known of some runs, and what fits of other kinds rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Further {
    /// N without the embedding, parameters.
    pub params_without_embedding: Option<f64>,
    /// Seconds of training, times the devices that trained.
    pub device_seconds: Option<f64>,
    /// Distinct tokens among D: fewer than D where text was repeated.
    pub unique_tokens: Option<f64>,
    /// Peak learning rate.
    pub learning_rate: Option<f64>,
    /// Tokens a step.
    pub batch_tokens: Option<f64>,
}

impl Observation {
    /// As a point of a surface.
    pub(super) fn point(&self) -> surface::Point {
        surface::Point::new(self.params, self.tokens, self.loss)
    }

    /// log L̂ - log L.
    pub(super) fn error(&self, surface: &Surface) -> f64 {
        (surface.loss(self.params, self.tokens) / self.loss).ln()
    }

    /// log N, and log of what a token cost.
    pub(super) fn token_cost(&self) -> (f64, f64) {
        (self.params.ln(), (self.flops / self.tokens).ln())
    }

    /// Whether it read text more than once.
    pub fn repeats(&self) -> bool {
        self.repeated().is_some()
    }

    /// Distinct tokens among D, where it read text more than once.
    pub(super) fn repeated(&self) -> Option<f64> {
        let unique = self.further.unique_tokens;
        unique.filter(|unique| *unique < self.tokens)
    }

    /// Whether N, D and L have logarithms.
    pub(super) fn is_positive(&self) -> bool {
        [self.params, self.tokens, self.loss]
            .iter()
            .all(|x| x.is_finite() && *x > 0.0)
    }
}

const fn one() -> f64 {
    1.0
}

/// A run that is not used.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Excluded {
    /// Its name in messages.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// What a run reached on its way, its end included: approach 1 is drawn from these.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// The arm.
    pub arm: String,
    /// The name of the observation that it led to.
    pub run: String,
    /// N, as in the run's observation.
    pub params: f64,
    /// C spent so far in FLOPs, D so far in tokens, and L then in nats/token, in the order of training.
    pub points: Vec<Reached>,
}

/// A point of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// C so far, FLOPs.
    pub flops: f64,
    /// D so far, tokens.
    pub tokens: f64,
    /// L then, nats/token.
    pub loss: f64,
}

/// Observations, with the runs that are left out of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Study {
    /// Finished runs.
    pub observations: Vec<Observation>,
    /// Finished runs with budgets in another unit than FLOPs, which make no IsoFLOP profile: they can be compared with others
    /// of their budget and size only.
    pub unprofiled: Vec<Observation>,
    /// The others.
    pub excluded: Vec<Excluded>,
    /// What was assumed of the runs, and what looks wrong with them.
    pub notes: Vec<String>,
    /// Training curves, where they are known.
    pub trajectories: Vec<Trajectory>,
}

impl Study {
    /// The arms, in the order they appear.
    pub fn arms(&self) -> Vec<String> {
        let arms = by_key(&self.observations, |run| run.arm.as_str());
        arms.into_iter().map(|(arm, _)| arm.to_owned()).collect()
    }

    /// The runs whatever their budgets, those that may make profiles first.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Observation> {
        self.observations.iter().chain(&self.unprofiled)
    }

    /// The runs of an arm that may make profiles, with their places.
    pub(super) fn runs_of(&self, arm: &str) -> Vec<(usize, &Observation)> {
        let runs = self.observations.iter().enumerate();
        runs.filter(|(_, run)| run.arm == arm).collect()
    }

    /// What there is of these arms.
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

    /// Pooled standard deviation between seeds that share (size, budget).
    pub(super) fn seed_noise(&self, arm: &str) -> Option<f64> {
        let runs = self.observations.iter().filter(|run| run.arm == arm);
        between_seeds(runs, |run| run.loss).map(f64::sqrt)
    }
}

/// Pooled variance of a quantity between runs of one (size, budget); none with one seed.
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
