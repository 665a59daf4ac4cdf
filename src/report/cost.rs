//! What a run costs, by the same count as the fits.

use super::Inputs;
use isoflop_fit::{Cost, Count};
use isoflop_table::{RunRow, RunStatus};

/// The title of an axis of costs.
pub(super) fn axis_title(inputs: &Inputs<'_>) -> String {
    format!("C, training {}", inputs.fits.settings.cost.unit())
}

/// C of a run; none where it is not known, or where a trunk paid a part of it.
pub(super) fn of_run(inputs: &Inputs<'_>, run: &RunRow) -> Option<f64> {
    let settings = &inputs.fits.settings;
    match (settings.cost, settings.count) {
        (Cost::Flops, _) => Some(run.flops),
        (Cost::SixNd, Count::Total) => Some(run.flops_6nd),
        (Cost::SixNd, Count::WithoutEmbedding) => {
            Some(6.0 * run.params_without_embedding as f64 * run.tokens as f64)
        }
        (Cost::DeviceSeconds, _) => run.device_seconds(),
    }
}

/// (arm, cost, loss) of a run that is finished and whose cost is known.
pub(super) fn finished(run: &RunRow, cost: Option<f64>) -> Option<(&str, f64, f64)> {
    let loss = run.loss().filter(|_| run.status == RunStatus::Finished)?;
    Some((&run.arm, cost?, loss))
}
