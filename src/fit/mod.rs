//! Laws from runs: IsoFLOP profiles, compute-optimal frontiers, compute multipliers.
//!
//! Pure: observations in, fits out. It knows no files, no tables and no clock; the
//! bootstrap's randomness comes from a seed.
//!
//! Symbols: N parameters, D training tokens, C training FLOPs, L validation loss in
//! nats/token. Logarithms are natural.
//!
//! A usable but doubtful answer is a value with a status; a refusal means there is no answer.

pub mod asymptote;
mod bootstrap;
pub mod data_constrained;
mod direct;
mod frontier;
mod minimize;
mod multiplier;
mod nonnegative;
pub mod over_training;
mod profile;
mod scalar;
mod study;
pub mod surface;
#[cfg(test)]
mod tests;
mod tuning;

use serde::{Deserialize, Serialize};

pub use bootstrap::Interval;
pub use direct::{Difference, DirectArm, DirectComparison};
pub use frontier::{Frontier, FrontierRefusal, Holdout};
pub use multiplier::{Comparison, ComparisonRefusal, Growth, MultiplierPoint, MultiplierStatus};
pub use profile::{Parabola, Profile, ProfileRefusal, Vertex, VertexStatus};
pub use study::{Excluded, Further, Observation, Reached, Study, Trajectory, Unprofiled};
pub use tuning::{Tried, Tuned};

/// What to fit, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The arm that the others are compared with.
    pub baseline: String,
    /// Bootstrap replicates.
    pub replicates: u32,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Give multipliers outside the overlap of measured losses too, marked as extrapolated.
    pub extrapolate: bool,
    /// What a run costs.
    pub cost: Cost,
    /// What N counts.
    pub count: Count,
}

impl Settings {
    /// What is usual: exact FLOPs, all parameters.
    pub fn new(baseline: &str) -> Self {
        let (cost, count) = (Cost::default(), Count::default());
        Self { baseline: baseline.to_owned(), replicates: 2000, seed: 0, extrapolate: false, cost, count }
    }
}

/// What a run costs: the axis that laws and multipliers are functions of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// FLOPs as they are given: exact ones, for isoflop's own runs.
    #[default]
    Flops,
    /// 6·N·D (Kaplan et al., arXiv:2001.08361, section 2.1).
    SixNd,
    /// Seconds of training times devices.
    DeviceSeconds,
}

/// What N counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// All parameters, the embedding among them.
    #[default]
    Total,
    /// All but the embedding.
    WithoutEmbedding,
}

/// All fits of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fits {
    /// How they were made.
    pub settings: Settings,
    /// Runs used.
    pub runs_used: usize,
    /// Runs left out, each with the reason.
    pub excluded: Vec<Excluded>,
    /// One for each arm, in the order of the study.
    pub arms: Vec<ArmFit>,
    /// One for each arm but the baseline.
    pub comparisons: Vec<Comparison>,
    /// Where several learning rates were tried, what came out; the fits use the best of each.
    pub tuned: Vec<Tuned>,
    /// Arms side by side at the budgets and sizes that make no profile.
    pub direct: Vec<DirectComparison>,
}

impl Fits {
    /// The runs left out, by reason.
    pub fn left_out(&self) -> Vec<(&str, Vec<&str>)> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for Excluded { run, reason } in &self.excluded {
            match reasons.iter_mut().find(|(other, _)| other == reason) {
                Some((_, runs)) => runs.push(run),
                None => reasons.push((reason, vec![run])),
            }
        }
        reasons
    }

    /// Whether no profile and so no law was found, and runs are compared directly alone.
    pub fn only_direct(&self) -> bool {
        !self.direct.is_empty() && self.arms.iter().all(|arm| arm.profiles.iter().all(|p| p.vertex.is_err()))
    }
}

/// The fits of one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmFit {
    /// The arm.
    pub arm: String,
    /// One for each budget, cheapest first.
    pub profiles: Vec<Profile>,
    /// Loss and size against compute, through the profiles' vertices.
    pub frontier: Result<Frontier, FrontierRefusal>,
    /// Standard deviation of the loss between seeds of one (size, budget), nats/token, pooled; absent with one seed.
    pub seed_noise: Option<f64>,
}

/// Fits a study.
pub fn fit(study: &Study, settings: &Settings) -> Fits {
    let (study, tuned) = tuning::tune(study);
    let study = &study;
    let replicates = bootstrap::replicates(study, settings);
    let arms: Vec<ArmFit> = study.arms().iter().map(|arm| arm_fit(study, arm, &replicates)).collect();
    let comparisons = study
        .arms()
        .iter()
        .filter(|arm| **arm != settings.baseline)
        .map(|arm| multiplier::compare(&settings.baseline, arm, &arms, &replicates, settings.extrapolate))
        .collect();
    Fits {
        settings: settings.clone(),
        runs_used: study.observations.len(),
        excluded: study.excluded.clone(),
        arms,
        comparisons,
        tuned,
        direct: direct::compare(study, &settings.baseline),
    }
}

fn arm_fit(study: &Study, arm: &str, replicates: &[bootstrap::Replicate]) -> ArmFit {
    let mut profiles: Vec<Profile> =
        study.budgets(arm).iter().map(|budget| profile::fit(study.cell(arm, *budget), *budget)).collect();
    for (i, profile) in profiles.iter_mut().enumerate() {
        bootstrap::add_profile_intervals(profile, arm, i, replicates);
    }
    let frontier = frontier::fit(&profiles)
        .map(|frontier| bootstrap::with_frontier_intervals(frontier, arm, &profiles, replicates));
    ArmFit { arm: arm.to_owned(), profiles, frontier, seed_noise: study.seed_noise(arm) }
}
