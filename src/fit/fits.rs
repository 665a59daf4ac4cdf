//! All fits of a study.

use schemars::JsonSchema;
use serde::Serialize;

use super::by_key::by_key;
use super::carried::{fewer_replicates, fit_arms, replicates};
use super::compare::compared;
use super::doubt::{Doubt, doubts};
use super::{
    ArmFit, Comparison, DirectComparison, Excluded, HyperLaw, Settings, Study, Tuned, convention,
    direct, hyper, tuning,
};

/// All fits of a study.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fits {
    /// How they were made.
    pub settings: Settings,
    /// Runs used.
    pub runs_used: usize,
    /// Runs left out, each with the reason.
    pub excluded: Vec<Excluded>,
    /// What was assumed of the runs, and what looks wrong with them: of a table that others measured.
    pub notes: Vec<String>,
    /// What to know before the numbers are used.
    #[schemars(with = "Vec<String>")]
    pub doubts: Vec<Doubt>,
    /// One for each arm, in the order of the study.
    pub arms: Vec<ArmFit>,
    /// One for each arm but the baseline.
    pub comparisons: Vec<Comparison>,
    /// Where several learning rates were tried, what came out; the fits use the best of each.
    pub tuned: Vec<Tuned>,
    /// How the best learning rate and batch grow with compute, where the study varied them.
    pub hyper: Vec<HyperLaw>,
    /// Arms side by side at the budgets and sizes that make no profile.
    pub direct: Vec<DirectComparison>,
}

impl Fits {
    /// The runs left out, by reason.
    pub fn left_out(&self) -> Vec<(&str, Vec<&str>)> {
        by_key(&self.excluded, |run| run.reason.as_str())
            .into_iter()
            .map(|(reason, runs)| (reason, runs.iter().map(|run| run.run.as_str()).collect()))
            .collect()
    }

    /// Whether every run was left out.
    pub fn is_empty(&self) -> bool {
        self.runs_used == 0 && self.direct.is_empty() && !self.excluded.is_empty()
    }

    /// Whether no profile and so no law was found, and runs are compared directly alone.
    pub fn only_direct(&self) -> bool {
        let has_law =
            |arm: &ArmFit| arm.surface.is_ok() || arm.profiles.iter().any(|p| p.vertex.is_ok());
        !self.direct.is_empty() && !self.arms.iter().any(has_law)
    }
}

/// Fits a study.
pub fn fit(study: &Study, settings: &Settings) -> Fits {
    let (tuned_study, tuned) = tuning::tune(study);
    let seen = convention::under(&tuned_study, settings);
    let carried = fit_arms(&seen, settings);
    let told: Vec<ArmFit> = carried
        .iter()
        .map(|arm| arm.prepared.tell(&seen, &arm.made, &arm.profile_draws))
        .collect();
    let arms = carried.iter().zip(&told);
    let (base, others): (Vec<_>, Vec<_>) = arms.partition(|(_, arm)| arm.arm == settings.baseline);
    let base = base.first().copied();
    let comparisons: Vec<Comparison> = others
        .into_iter()
        .map(|other| compared(&tuned_study, &seen, settings, base, other))
        .collect();
    let replicates = replicates(&seen, settings);
    let mut notes = seen.notes.clone();
    notes.extend(fewer_replicates(replicates, settings.replicates));
    Fits {
        settings: Settings {
            replicates,
            ..settings.clone()
        },
        runs_used: seen.observations.len(),
        excluded: seen.excluded.clone(),
        notes,
        doubts: doubts(&told, &comparisons),
        arms: told,
        comparisons,
        tuned,
        hyper: hyper::laws(study),
        direct: direct::compare(&seen, &settings.baseline),
    }
}
