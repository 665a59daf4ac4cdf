//! Section of the surfaces: parameters, quality of fit, prediction errors, and figures.

use super::format::with_interval;
use super::predicted::holdouts;
use super::tables::table;
use super::{ReportInputs, predicted, residuals};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::surface::{Objective, SurfaceStatus, symbols};
use isoflop_fit::{ArmFit, ArmSurface, SurfaceHoldout};

pub(super) fn section(inputs: &ReportInputs<'_>, figures: &[&str]) -> String {
    let arms = &inputs.fits.arms;
    let rows: Vec<Vec<String>> = arms.iter().filter_map(row).collect();
    let mut parts =
        vec!["## Surfaces\n\nL = E + A·N^-α + B·D^-β, fitted to all runs of an arm.\n".to_owned()];
    if !rows.is_empty() {
        parts.push(parameters(rows));
        parts.push(predicted::FIGURE.markdown(figures, &holdouts(inputs)));
        parts.push(residuals::FIGURE.markdown(figures, ""));
    }
    let refused = arms
        .iter()
        .filter_map(|arm| Some((&arm.arm, arm.surface.as_ref().err()?)));
    parts.extend(refused.map(|(arm, reason)| format!("`{arm}` has no surface: {reason}.\n")));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn parameters(rows: Vec<Vec<String>>) -> String {
    let head = [
        "arm",
        &LOSS_VAL.title_for("E"),
        &format!("{} at N = 1", LOSS_VAL.title_for("A")),
        &format!("{} at D = 1", LOSS_VAL.title_for("B")),
        "α",
        "β",
        "objective (value)",
        "residual (RMS of log L)",
        "prediction of the largest budget from the others (error)",
        "status",
    ];
    table(&head, rows)
}

fn row(arm: &ArmFit) -> Option<Vec<String>> {
    let ArmSurface {
        surface,
        intervals,
        objective,
        objective_kind,
        residual,
        status,
        holdout,
        ..
    } = arm.surface.as_ref().ok()?;
    let factor = |value: f64| format!("{value:.2e}");
    let exponent = |value: f64| format!("{value:.3}");
    Some(vec![
        arm.arm.clone(),
        with_interval(surface.e, intervals.e, exponent),
        with_interval(surface.a, intervals.a, factor),
        with_interval(surface.b, intervals.b, factor),
        with_interval(surface.alpha, intervals.alpha, exponent),
        with_interval(surface.beta, intervals.beta, exponent),
        format!("{} ({objective:.3e})", objective_name(*objective_kind)),
        format!("{:.2}%", 100.0 * residual),
        holdout.as_ref().map_or("none".to_owned(), held_out),
        status_text(status),
    ])
}

fn objective_name(objective: Objective) -> String {
    match objective {
        Objective::Huber { delta } => format!("Huber loss, δ = {delta}"),
        Objective::LeastSquares => "least squares".to_owned(),
        Objective::Likelihood => "likelihood".to_owned(),
    }
}

fn held_out(holdout: &SurfaceHoldout) -> String {
    let SurfaceHoldout {
        budget,
        runs,
        mean_error,
        largest_error,
    } = holdout;
    let [mean, largest] = [mean_error, largest_error].map(|error| 100.0 * error);
    let budget = budget.with_unit(1);
    format!("{mean:+.2}% mean, {largest:.2}% largest, {runs} runs at {budget}")
}

fn status_text(status: &SurfaceStatus) -> String {
    match status {
        SurfaceStatus::Interior => "interior".to_owned(),
        SurfaceStatus::AtBound { parameters } => {
            format!("at the lower bound of 0: {}", symbols(parameters))
        }
    }
}
