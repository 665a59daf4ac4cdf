//! From a results folder to rows, and from rows to what is fitted.

use std::collections::HashMap;

use isoflop_core::run::{EventKind, Outcome, SweepDir, read_events};
use isoflop_fit::{Excluded, Further, Observation, Reached, Study, Trajectory, Unprofiled};
use isoflop_sweep::{Plan, PlannedRun};

use super::live::LiveRows;
use super::{CurveRow, RunRow, RunStatus};

/// The two tables of a sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    /// One row a run, in the plan's order, missing ones included.
    pub runs: Vec<RunRow>,
    /// One row a point.
    pub curves: Vec<CurveRow>,
}

/// Reads every committed outcome of the plan's runs, and its curve.
pub fn collect(sweep: &SweepDir, plan: &Plan) -> Tables {
    LiveRows::read(sweep, plan).into_tables()
}

/// The metrics' digest was checked with the outcome, so they read.
pub(super) fn curve(sweep: &SweepDir, run: &PlannedRun, outcome: &Outcome) -> Vec<CurveRow> {
    let attempt = sweep.run(&run.id).attempt(outcome.attempt);
    let events = read_events(&attempt.metrics()).unwrap_or_default();
    events
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Evaluated(point) => Some(CurveRow::new(run, &point)),
            EventKind::Started { .. } | EventKind::Heartbeat { .. } => None,
        })
        .collect()
}

impl Tables {
    /// What is fitted: finished runs with a FLOPs budget, N = `params_total`, exact FLOPs; the others with the reason.
    pub fn study(&self) -> Study {
        let mut study = Study::default();
        for row in &self.runs {
            match exclusion(row) {
                Some(reason) => {
                    study.excluded.push(Excluded {
                        run: row.label(),
                        reason,
                    });
                    study.unprofiled.extend(row.loss().map(|loss| Unprofiled {
                        unit: row.budget_kind.replace("_per_", "/"),
                        observation: observation(row, loss),
                    }));
                }
                None => study
                    .observations
                    .extend(row.loss().map(|loss| observation(row, loss))),
            }
        }
        let curves = self.curves_by_run();
        for row in self.runs.iter().filter(|row| exclusion(row).is_none()) {
            let points = curves
                .get(row.run_id.as_str())
                .map(Vec::as_slice)
                .unwrap_or_default();
            let reached = points
                .iter()
                .filter(|point| point.step > 0)
                .map(reached)
                .collect();
            study.trajectories.push(Trajectory {
                arm: row.arm.clone(),
                run: row.label(),
                params: row.params_total as f64,
                points: reached,
            });
        }
        study
    }

    fn curves_by_run(&self) -> HashMap<&str, Vec<&CurveRow>> {
        let mut curves: HashMap<&str, Vec<&CurveRow>> = HashMap::new();
        for row in &self.curves {
            curves.entry(&row.run_id).or_default().push(row);
        }
        curves
    }
}

fn exclusion(row: &RunRow) -> Option<String> {
    match row.status {
        RunStatus::Missing => Some("no valid outcome".to_owned()),
        RunStatus::Diverged => Some(format!("diverged at step {}", row.steps)),
        RunStatus::Finished if row.budget_kind != "flops" => Some(format!(
            "its budget is in {}, and a profile needs budgets in FLOPs",
            row.budget_kind.replace('_', " ")
        )),
        RunStatus::Finished => None,
    }
}

fn reached(point: &&CurveRow) -> Reached {
    Reached {
        flops: point.flops,
        tokens: point.tokens as f64,
        loss: point.scores.loss_val,
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
            self.budget,
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
