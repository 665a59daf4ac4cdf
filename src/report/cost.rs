//! Cost of a run, by the same count as in the fits.

use super::ReportInputs;
use isoflop_fit::{CostAxis, ParameterCounting};
use isoflop_table::{RunRow, RunStatus};

/// Title of an axis of costs.
pub(super) fn axis_title(inputs: &ReportInputs<'_>) -> String {
    format!("C, training {}", inputs.fits.settings.cost.unit())
}

/// C of a run; `None` if it is unknown, or if a part of it was spent on a shared trunk.
pub(super) fn of_run(inputs: &ReportInputs<'_>, run: &RunRow) -> Option<f64> {
    let settings = &inputs.fits.settings;
    match (settings.cost, settings.count) {
        (CostAxis::Flops, _) => Some(run.flops),
        (CostAxis::SixNd, ParameterCounting::Total) => Some(run.flops_6nd),
        (CostAxis::SixNd, ParameterCounting::WithoutEmbedding) => {
            Some(6.0 * run.params_without_embedding as f64 * run.tokens as f64)
        }
        (CostAxis::DeviceSeconds, _) => run.device_seconds(),
    }
}

/// (arm, cost, loss) of a finished run with a known cost.
pub(super) fn finished(run: &RunRow, cost: Option<f64>) -> Option<(&str, f64, f64)> {
    let loss = run.loss().filter(|_| run.status == RunStatus::Finished)?;
    Some((&run.arm, cost?, loss))
}
