//! Fits of laws to the runs of a study.

use super::study::StudyOrigin;
use super::{AppError, ErrorKind, NamedStudy};
use isoflop_core::run::{SweepDir, unwritable, write_json};
use isoflop_fit::{
    ArmFit, CostAxis, FitSettings, ParameterCounting, Profile, ProfileRefusal, Study, StudyFits,
};

/// Fits a study. The fits of a sweep are also written to its results folder.
///
/// # Errors
/// [`AppError`] if the baseline is not an arm of the study, or the fits cannot be written. An arm
/// without a law is not an error; [`fit_refusal`] checks that some arm has one.
pub fn fit(studied: &NamedStudy, settings: &FitSettings) -> Result<StudyFits, AppError> {
    studied.check_baseline(&settings.baseline)?;
    match &studied.origin {
        StudyOrigin::Sweep { dir, .. } => fit_and_write(dir, &studied.study, settings),
        StudyOrigin::Table => Ok(isoflop_fit::fit(&studied.study, settings)),
    }
}

/// Fits a study and writes `fit.json`.
pub(crate) fn fit_and_write(
    dir: &SweepDir,
    study: &Study,
    settings: &FitSettings,
) -> Result<StudyFits, AppError> {
    let fits = isoflop_fit::fit(study, settings);
    let written = write_json(&dir.fit(), &fits).map_err(unwritable(&dir.fit()));
    let hint = "free space, then run `isoflop fit`; finished runs are kept";
    written
        .map(|()| fits)
        .map_err(|error| AppError::bug(error, hint))
}

/// The error for fits in which no arm has a frontier, with the reasons.
pub fn fit_refusal(studied: &NamedStudy, fits: &StudyFits) -> Option<AppError> {
    if fits.is_empty() {
        return Some(no_usable_runs(fits));
    }
    if !fits.direct.is_empty() || fits.arms.iter().any(|arm| arm.frontier.is_ok()) {
        return None;
    }
    let reason = |arm: &ArmFit| Some(format!("  {}: {}", arm.arm, arm.frontier.as_ref().err()?));
    let mut reasons: Vec<String> = fits.arms.iter().filter_map(reason).collect();
    if reasons.is_empty() {
        reasons.push("  no run is finished".to_owned());
    }
    let hint = match studied.origin {
        _ if has_enough_runs(fits) => {
            "check the losses: at each budget the lowest should be at a size in the middle, and it should fall with compute"
        }
        StudyOrigin::Sweep { .. } => {
            "finish more runs with `isoflop run`, or add sizes on both sides of the optimum"
        }
        StudyOrigin::Table => {
            "add runs to the table: at least 4 sizes at each of 2 budgets, or sizes and token counts that vary independently"
        }
    };
    let message = format!("no arm has a frontier\n{}", reasons.join("\n"));
    Some(AppError::new(ErrorKind::FitImpossible, message, hint))
}

/// Reports whether some arm has enough runs for a frontier, regardless of their losses.
fn has_enough_runs(fits: &StudyFits) -> bool {
    let is_full =
        |profile: &&Profile| !matches!(profile.vertex, Err(ProfileRefusal::TooFew { .. }));
    fits.arms
        .iter()
        .any(|arm| arm.profiles.iter().filter(is_full).count() >= 2)
}

/// Creates an error for a study whose runs were all left out.
fn no_usable_runs(fits: &StudyFits) -> AppError {
    let hint = match (fits.settings.cost, fits.settings.count) {
        (CostAxis::DeviceSeconds, _) => {
            "remove `--cost`, or name the table's column with `--map device_seconds=COLUMN`"
        }
        (_, ParameterCounting::WithoutEmbedding) => {
            "remove `--count`, or name the table's column with `--map params_without_embedding=COLUMN`"
        }
        _ => "see `isoflop status` and `isoflop logs` for the state of the runs",
    };
    AppError::new(
        ErrorKind::FitImpossible,
        "no run can be used for fits",
        hint,
    )
}
