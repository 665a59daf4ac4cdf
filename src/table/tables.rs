//! Tables of a sweep, and the study that is fitted to them.

use std::collections::HashMap;

use isoflop_core::run::SweepDir;
use isoflop_fit::{ExcludedRun, Observation, OptionalMeasurements, Study, TrajectoryPoint};

use super::parquet::{TableError, write};
use super::study::{FinishedRun, study};
use super::{CurveRow, RunRow, RunStatus};

/// The two tables of a sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepTables {
    /// One row for each run, in the plan's order, including runs without an outcome.
    pub runs: Vec<RunRow>,
    /// One row for each point of a curve.
    pub curves: Vec<CurveRow>,
}

impl SweepTables {
    /// Writes `runs.parquet` and `curves.parquet`.
    ///
    /// # Errors
    /// [`TableError`] if a table cannot be written. An earlier table remains.
    pub fn write(&self, sweep: &SweepDir) -> Result<(), TableError> {
        write(&sweep.runs_table(), self.runs.iter())?;
        write(&sweep.curves_table(), self.curves.iter())
    }

    /// Builds the study: finished runs with a FLOPs budget, N = `params_total` and exact FLOPs.
    /// Other runs are excluded with the reason.
    pub fn study(&self) -> Study {
        let mut curves: HashMap<&str, Vec<TrajectoryPoint>> = HashMap::new();
        for row in self.curves.iter().filter(|row| row.step > 0) {
            curves
                .entry(&row.run_id)
                .or_default()
                .push(TrajectoryPoint {
                    flops: row.flops,
                    tokens: row.tokens as f64,
                    loss: row.scores.loss_val,
                });
        }
        let (mut runs, mut excluded) = (Vec::new(), Vec::new());
        for run in &self.runs {
            match finished_loss(run) {
                Ok(loss) => runs.push(FinishedRun {
                    observation: observation(run, loss),
                    curve: curves.remove(run.run_id.as_str()).unwrap_or_default(),
                }),
                Err(reason) => excluded.push(ExcludedRun {
                    run: run.label(),
                    reason,
                }),
            }
        }
        let arms = self.runs.iter().map(|run| run.arm.as_str());
        study(arms, runs, excluded, Vec::new())
    }
}

/// Returns the final loss of a finished run, or the reason that a run has no final loss.
fn finished_loss(run: &RunRow) -> Result<f64, String> {
    match run.status {
        RunStatus::Finished => run.loss().ok_or_else(|| "no loss".to_owned()),
        RunStatus::Diverged => Err(format!("diverged at step {}", run.steps)),
        RunStatus::Missing => Err("no valid outcome".to_owned()),
    }
}

fn observation(row: &RunRow, loss: f64) -> Observation {
    Observation {
        run: row.label(),
        arm: row.arm.clone(),
        size: row.size.clone(),
        seed: row.seed,
        budget: row.budget,
        lr_factor: row.lr_factor,
        flops: row.flops,
        params: row.params_total as f64,
        tokens: row.tokens as f64,
        loss,
        optional: OptionalMeasurements {
            params_without_embedding: Some(row.params_without_embedding as f64),
            device_seconds: row.device_seconds(),
            // A sweep reads no token twice.
            unique_tokens: None,
            learning_rate: Some(row.learning_rate),
            batch_tokens: Some(row.batch_tokens as f64),
        },
    }
}

impl RunRow {
    /// Returns the name of the run in messages and reports.
    pub fn label(&self) -> String {
        label(
            &self.arm,
            &self.size,
            self.budget.value(),
            self.lr_factor,
            self.seed,
            &self.run_id,
        )
    }
}

/// Formats [`RunRow::label`] from the values of a row that was read from a file.
pub(super) fn label(
    arm: &str,
    size: &str,
    budget: f64,
    lr_factor: f64,
    seed: u64,
    run_id: &str,
) -> String {
    let lr = if lr_factor == 1.0 {
        String::new()
    } else {
        format!(" lr x{lr_factor}")
    };
    format!("{arm} {size} {budget:.2e}{lr} seed {seed} ({run_id})")
}
