//! Predictions of losses and optima.

use super::{AppError, ErrorKind, NamedStudy};
use isoflop_fit::{ArmPredictions, FitSettings, PredictionRequest};

/// Predicts losses and optima from the laws of each arm.
///
/// # Errors
/// [`AppError`] if an arm has no finished runs. An arm without a law is not an error;
/// [`prediction_refusal`] checks that some arm has one.
pub fn predict(
    studied: &NamedStudy,
    settings: &FitSettings,
    asked: &PredictionRequest,
) -> Result<Vec<ArmPredictions>, AppError> {
    studied.check_arm(asked.arm.as_ref().unwrap_or(&settings.baseline))?;
    Ok(isoflop_fit::predict(&studied.study, settings, asked))
}

/// The error for predictions in which no arm has a law, with the reasons.
pub fn prediction_refusal(predictions: &[ArmPredictions]) -> Option<AppError> {
    let reason = |arm: &ArmPredictions| Some(format!("  {}: {}", arm.arm, arm.refused.as_ref()?));
    let reasons: Vec<String> = predictions.iter().map(reason).collect::<Option<_>>()?;
    let message = format!("no arm has a law to predict from\n{}", reasons.join("\n"));
    let hint = "add runs of more sizes and budgets; `isoflop fit` shows the state of each arm";
    Some(AppError::new(ErrorKind::FitImpossible, message, hint))
}
