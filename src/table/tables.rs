//! The tables of a sweep, and what is fitted of them.

use std::collections::HashMap;

use isoflop_core::run::SweepDir;
use isoflop_fit::{Excluded, Further, Observation, Reached, Study};

use super::parquet::{TableError, write};
use super::study::{Finished, study};
use super::{CurveRow, RunRow, RunStatus};

/// The two tables of a sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    /// One row a run, in the plan's order, missing ones included.
    pub runs: Vec<RunRow>,
    /// One row a point.
    pub curves: Vec<CurveRow>,
}

impl Tables {
    /// Writes `runs.parquet` and `curves.parquet`.
    ///
    /// # Errors
    /// [`TableError`]; a table that stood before still stands.
    pub fn write(&self, sweep: &SweepDir) -> Result<(), TableError> {
        write(&sweep.runs_table(), self.runs.iter())?;
        write(&sweep.curves_table(), self.curves.iter())
    }

    /// What is fitted: finished runs with a FLOPs budget, N = `params_total`, exact FLOPs; the others with the reason.
    pub fn study(&self) -> Study {
        let mut curves: HashMap<&str, Vec<Reached>> = HashMap::new();
        for row in self.curves.iter().filter(|row| row.step > 0) {
            curves.entry(&row.run_id).or_default().push(Reached {
                flops: row.flops,
                tokens: row.tokens as f64,
                loss: row.scores.loss_val,
            });
        }
        let (mut runs, mut excluded) = (Vec::new(), Vec::new());
        for run in &self.runs {
            match finished_loss(run) {
                Ok(loss) => runs.push(Finished {
                    observation: observation(run, loss),
                    curve: curves.remove(run.run_id.as_str()).unwrap_or_default(),
                }),
                Err(reason) => excluded.push(Excluded {
                    run: run.label(),
                    reason,
                }),
            }
        }
        let arms = self.runs.iter().map(|run| run.arm.as_str());
        study(arms, runs, excluded, Vec::new())
    }
}

/// The final loss of a run that finished, or why there is none.
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
        further: Further {
            params_without_embedding: Some(row.params_without_embedding as f64),
            device_seconds: row.device_seconds(),
            // A sweep's text is read once.
            unique_tokens: None,
            learning_rate: Some(row.learning_rate),
            batch_tokens: Some(row.batch_tokens as f64),
        },
    }
}

impl RunRow {
    /// A name for people.
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

/// The same of its parts, for a row that is read again.
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
