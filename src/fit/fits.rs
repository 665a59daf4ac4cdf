//! All fits of a study.

use schemars::JsonSchema;
use serde::Serialize;

use super::by_key::group_by_key;
use super::compare::compare_with_baseline;
use super::estimates::{fewer_replicates, fit_arms, replicates};
use super::warnings::{FitWarning, warnings};
use super::{
    ArmFit, Comparison, DirectComparison, ExcludedRun, FitSettings, HyperLaw, Study, TunedRate,
    convention, direct, hyper, tuning,
};

/// All fits of a study.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StudyFits {
    /// Settings of the fits.
    pub settings: FitSettings,
    /// Number of runs used.
    pub runs_used: usize,
    /// Excluded runs, with the reason.
    pub excluded: Vec<ExcludedRun>,
    /// Assumptions about imported runs, suspicious values among them, and reductions of the number
    /// of replicates.
    pub notes: Vec<String>,
    /// Warnings: reasons to doubt a number.
    #[schemars(with = "Vec<String>")]
    pub doubts: Vec<FitWarning>,
    /// Fits of each arm, in the order of the study.
    pub arms: Vec<ArmFit>,
    /// Comparison of each variant with the baseline.
    pub comparisons: Vec<Comparison>,
    /// Best learning rate of each cell that tried several; the fits use it.
    pub tuned: Vec<TunedRate>,
    /// Power laws of the best learning rate and batch in compute, if the study varied them.
    pub hyper: Vec<HyperLaw>,
    /// Comparisons of arms run by run, at the budgets and sizes without a profile.
    pub direct: Vec<DirectComparison>,
}

impl StudyFits {
    /// Returns the excluded runs by reason.
    pub fn excluded_by_reason(&self) -> Vec<(&str, Vec<&str>)> {
        group_by_key(&self.excluded, |run| run.reason.as_str())
            .into_iter()
            .map(|(reason, runs)| (reason, runs.iter().map(|run| run.run.as_str()).collect()))
            .collect()
    }

    /// Reports whether every run was excluded.
    pub fn is_empty(&self) -> bool {
        self.runs_used == 0 && self.direct.is_empty() && !self.excluded.is_empty()
    }

    /// Reports whether there is no law, so that arms are compared run by run only.
    pub fn only_direct(&self) -> bool {
        let has_law =
            |arm: &ArmFit| arm.surface.is_ok() || arm.profiles.iter().any(|p| p.vertex.is_ok());
        !self.direct.is_empty() && !self.arms.iter().any(has_law)
    }
}

/// Fits a study.
pub fn fit(study: &Study, settings: &FitSettings) -> StudyFits {
    let (tuned_study, tuned) = tuning::tune(study);
    let seen = convention::convert(&tuned_study, settings);
    let carried = fit_arms(&seen, settings);
    let told: Vec<ArmFit> = carried
        .iter()
        .map(|arm| {
            arm.prepared
                .arm_fit(&seen, &arm.estimates, &arm.profile_replicates)
        })
        .collect();
    let arms = carried.iter().zip(&told);
    let (base, others): (Vec<_>, Vec<_>) = arms.partition(|(_, arm)| arm.arm == settings.baseline);
    let base = base.first().copied();
    let comparisons: Vec<Comparison> = others
        .into_iter()
        .map(|other| compare_with_baseline(&tuned_study, &seen, settings, base, other))
        .collect();
    let replicates = replicates(&seen, settings);
    let mut notes = seen.notes.clone();
    notes.extend(fewer_replicates(replicates, settings.replicates));
    StudyFits {
        settings: FitSettings {
            replicates,
            ..settings.clone()
        },
        runs_used: seen.observations.len(),
        excluded: seen.excluded.clone(),
        notes,
        doubts: warnings(&told, &comparisons),
        arms: told,
        comparisons,
        tuned,
        hyper: hyper::laws(study),
        direct: direct::compare(&seen, &settings.baseline),
    }
}
