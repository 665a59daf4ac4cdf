//! Laws from the runs of a study.

use super::study::Origin;
use super::{AppError, ErrorKind, Studied};
use isoflop_core::run::{SweepDir, unwritable, write_json};
use isoflop_fit::{ArmFit, Cost, Count, Fits, Profile, ProfileRefusal, Settings, Study};

/// Fits a study; what a sweep's come to is left with its results.
///
/// # Errors
/// [`AppError`] where the baseline is none of the arms, or the fits cannot be written. That an arm has no law is no error:
/// [`fit_refusal`] says whether any has one.
pub fn fit(studied: &Studied, settings: &Settings) -> Result<Fits, AppError> {
    studied.check_baseline(&settings.baseline)?;
    match &studied.origin {
        Origin::Sweep { dir, .. } => fitted(dir, &studied.study, settings),
        Origin::Table => Ok(isoflop_fit::fit(&studied.study, settings)),
    }
}

/// Fits, and leaves `fit.json`.
pub(crate) fn fitted(dir: &SweepDir, study: &Study, settings: &Settings) -> Result<Fits, AppError> {
    let fits = isoflop_fit::fit(study, settings);
    let written = write_json(&dir.fit(), &fits).map_err(unwritable(&dir.fit()));
    let hint = "free space, then run `isoflop fit`: finished runs are kept";
    written
        .map(|()| fits)
        .map_err(|error| AppError::bug(error, hint))
}

/// The reason that no architecture has a frontier, if none has.
pub fn fit_refusal(studied: &Studied, fits: &Fits) -> Option<AppError> {
    if fits.is_empty() {
        return Some(none_known(fits));
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
        _ if are_enough(fits) => {
            "look at the losses: at each budget the least should lie between the sizes, and fall with compute"
        }
        Origin::Sweep { .. } => {
            "finish more runs with `isoflop run`, or add sizes on both sides of the optimum"
        }
        Origin::Table => {
            "give it more runs: at least 4 sizes at each of 2 budgets, or sizes and token counts that vary apart"
        }
    };
    let message = format!("no architecture has a frontier\n{}", reasons.join("\n"));
    Some(AppError::new(ErrorKind::FitImpossible, message, hint))
}

/// Whether the runs would carry a frontier, if their losses did.
fn are_enough(fits: &Fits) -> bool {
    let is_full =
        |profile: &&Profile| !matches!(profile.vertex, Err(ProfileRefusal::TooFew { .. }));
    fits.arms
        .iter()
        .any(|arm| arm.profiles.iter().filter(is_full).count() >= 2)
}

/// Every run was left out.
fn none_known(fits: &Fits) -> AppError {
    let hint = match (fits.settings.cost, fits.settings.count) {
        (Cost::DeviceSeconds, _) => {
            "leave `--cost` out, or name the table's column with `--map device_seconds=COLUMN`"
        }
        (_, Count::WithoutEmbedding) => {
            "leave `--count` out, or name the table's column with `--map params_without_embedding=COLUMN`"
        }
        _ => "`isoflop status` and `isoflop logs` say what became of them",
    };
    AppError::new(ErrorKind::FitImpossible, "no run can be used", hint)
}
