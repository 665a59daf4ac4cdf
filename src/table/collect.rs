//! From a results folder to rows, and from rows to what is fitted.

use std::collections::HashMap;

use isoflop_core::arch::Causal;
use isoflop_core::run::{CurvePoint, Ending, EventKind, Outcome, RunSpec, SweepDir, read_events};
use isoflop_core::units::Tokens;
use isoflop_fit::{Excluded, Further, Observation, Reached, Study};
use isoflop_sweep::{Plan, PlannedRun};

use super::study::{Finished, study};
use super::{CurveRow, Measured, RunRow, RunStatus};

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
    let mut tables = Tables::default();
    for run in &plan.runs {
        let outcome = Outcome::committed(&sweep.run(&run.id), &run.id, &run.spec).ok();
        if let Some(outcome) = &outcome {
            let points = curve(sweep, run, outcome.attempt);
            tables
                .curves
                .extend(points.into_iter().map(|point| curve_row(run, point)));
        }
        tables.runs.push(run_row(run, outcome.as_ref()));
    }
    tables
}

/// The metrics' digest was checked with the outcome, so they read.
fn curve(sweep: &SweepDir, run: &PlannedRun, attempt: u32) -> Vec<CurvePoint> {
    let events = read_events(&sweep.run(&run.id).attempt(attempt).metrics()).unwrap_or_default();
    events
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Evaluated(point) => Some(point),
            EventKind::Started { .. } | EventKind::Heartbeat { .. } => None,
        })
        .collect()
}

fn curve_row(run: &PlannedRun, point: CurvePoint) -> CurveRow {
    CurveRow {
        run_id: run.id.to_string(),
        arm: run.arm.clone(),
        size: run.size.clone(),
        budget: run.spec.budget.value_and_kind().0,
        seed: run.spec.seed,
        point,
    }
}

fn run_row(run: &PlannedRun, outcome: Option<&Outcome>) -> RunRow {
    let spec = &run.spec;
    let (budget, budget_kind) = spec.budget.value_and_kind();
    let tokens = outcome.map_or(spec.tokens().0, |o| o.tokens);
    let finished = match outcome.map(|o| o.ending) {
        Some(Ending::Finished {
            loss_val,
            bits_per_byte,
            loss_train,
            eval_tokens,
        }) => Some((loss_val, bits_per_byte, loss_train, eval_tokens)),
        _ => None,
    };
    RunRow {
        run_id: run.id.to_string(),
        arm: run.arm.clone(),
        // Choices are words and finite numbers: they have a JSON.
        architecture: serde_json::to_string(&spec.architecture).unwrap_or_default(),
        size: run.size.clone(),
        shape: spec.shape,
        params_total: spec.params_total().0,
        params_without_embedding: spec.params_without_embedding().0,
        budget_kind,
        budget,
        flops_per_token: spec.flops_per_token().0,
        flops_per_token_causal_half: spec.model().flops().training(Causal::Half).0,
        flops: outcome.map_or(spec.flops().0, |o| o.flops),
        flops_6nd: 6.0 * spec.params_total().0 as f64 * tokens as f64,
        tokens,
        steps: outcome.map_or(spec.steps, |o| o.steps),
        batch_tokens: spec.batch_tokens().0,
        sequence_length: spec.sequence_length,
        learning_rate: spec.learning_rate,
        lr_factor: run.lr_factor.unwrap_or(1.0),
        seed: spec.seed,
        status: match outcome.map(|o| o.ending) {
            Some(Ending::Finished { .. }) => RunStatus::Finished,
            Some(Ending::Diverged { .. }) => RunStatus::Diverged,
            None => RunStatus::Missing,
        },
        loss_val: finished.map(|f| f.0),
        bits_per_byte: finished.map(|f| f.1),
        loss_train: finished.map(|f| f.2),
        eval_tokens: finished.map(|f| f.3),
        measured: outcome.map(|outcome| measured(spec, outcome)),
    }
}

fn measured(spec: &RunSpec, outcome: &Outcome) -> Measured {
    let provenance = outcome.provenance.clone();
    let taken = Tokens(outcome.trunk.map_or(0, |trunk| trunk.steps) * spec.batch_tokens().0);
    Measured {
        resumed_from_step: outcome.resumed_from_step,
        split_for_memory: outcome.split_for_memory,
        trunk_steps: outcome.trunk.map(|trunk| trunk.steps),
        flops_spent: outcome.flops - (spec.flops_per_token() * taken).0,
        tokens_spent: outcome.tokens - taken.0,
        wall_seconds: outcome.wall_seconds,
        startup_seconds: outcome.startup_seconds,
        seconds: outcome.seconds,
        loss_spikes: outcome.loss_spikes,
        matrix_flops_per_second: outcome.matrix_flops_per_second,
        peak_memory_bytes: outcome.peak_memory_bytes,
        device: outcome.device.to_string(),
        threads: outcome.threads,
        attempt: outcome.attempt,
        hardware: provenance.hardware,
        host: provenance.host,
        git: provenance.git,
        isoflop: provenance.isoflop,
        libtorch: provenance.libtorch,
        started_at: provenance.started_at,
    }
}

impl Tables {
    /// What is fitted: finished runs with a FLOPs budget, N = `params_total`, exact FLOPs; the others with the reason.
    pub fn study(&self) -> Study {
        let mut curves: HashMap<&str, Vec<Reached>> = HashMap::new();
        for CurveRow { run_id, point, .. } in self.curves.iter().filter(|row| row.point.step > 0) {
            curves.entry(run_id).or_default().push(Reached {
                flops: point.flops,
                tokens: point.tokens as f64,
                loss: point.loss_val,
            });
        }
        let (mut runs, mut excluded) = (Vec::new(), Vec::new());
        for run in &self.runs {
            match finished_loss(run) {
                Ok(loss) => runs.push(Finished {
                    budget_kind: run.budget_kind.to_owned(),
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
        RunStatus::Finished => run.loss_val.ok_or_else(|| "no loss".to_owned()),
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
            device_seconds: row.measured.as_ref().and_then(Measured::device_seconds),
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
