//! What runs would come to that are not there.

use super::{AppError, ErrorKind, Studied};
use isoflop_fit::{Asked, Predictions, Settings};

/// Predicts what is asked for by the laws of each arm.
///
/// # Errors
/// [`AppError`] where an arm is none of the study's. That an arm has no law is no error: [`prediction_refusal`] says whether
/// any has one.
pub fn predict(
    studied: &Studied,
    settings: &Settings,
    asked: &Asked,
) -> Result<Vec<Predictions>, AppError> {
    studied.check_arm(asked.arm.as_ref().unwrap_or(&settings.baseline))?;
    Ok(isoflop_fit::predict(&studied.study, settings, asked))
}

/// The reason that no arm has a law to predict by, if none has.
pub fn prediction_refusal(predictions: &[Predictions]) -> Option<AppError> {
    let reason = |arm: &Predictions| Some(format!("  {}: {}", arm.arm, arm.refused.as_ref()?));
    let reasons: Vec<String> = predictions.iter().map(reason).collect::<Option<_>>()?;
    let message = format!("no arm has a law to predict by\n{}", reasons.join("\n"));
    let hint = "add runs of more sizes and budgets; `isoflop fit` says how each arm stands";
    Some(AppError::new(ErrorKind::FitImpossible, message, hint))
}
