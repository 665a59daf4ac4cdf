//! Plans: the runs of a sweep and their cost, without starting any.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::engine::engine_slots;
use super::sweep::{open, stored_records};
use super::{AppError, Listener, PlannedSweep, SweepChanges, memory};
use isoflop_core::run::{Budget, RunSpec};
use isoflop_core::units::Flops;
use isoflop_dispatch::coordinator::{
    CalibrationError, ResumedRuns, TrunkBranch, branches, calibrate, calibrated_seconds,
    flops_saved, look,
};
use isoflop_dispatch::executor::{Slot, TrainerProgram};
use isoflop_sweep::PlannedRun;

/// Options of a plan.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Sweep file.
    pub file: PathBuf,
    /// Folder of results.
    pub results: PathBuf,
    /// Trainer program; `isoflop-trainer` next to this program if `None`.
    pub trainer: Option<PathBuf>,
    /// True to measure a few steps, for estimates of time.
    pub calibrate: bool,
}

/// A plan with estimates of memory and time.
#[derive(Debug)]
pub struct PlanEstimate {
    /// The sweep.
    pub sweep: PlannedSweep,
    /// The slots that its runs can use at once.
    pub slots: Vec<Slot>,
    /// Estimated memory of each run, bytes.
    pub memory: Vec<u64>,
    /// Estimated seconds of each run. `None` if no steps were measured.
    pub seconds: Option<Vec<f64>>,
    /// The trunk that each run continues, if any.
    pub branches: Vec<Option<TrunkBranch>>,
    /// States of the runs.
    pub resumed: ResumedRuns,
    /// Changes to the previous plan. `None` if no run was planned or done before.
    pub changes: Option<SweepChanges>,
}

/// Reads a sweep file and estimates the cost of its runs, without writing files.
///
/// # Errors
/// [`AppError`] if the file, a text or the store of its results is not usable. A sweep that does
/// not fit into memory causes only a warning.
pub fn plan(request: &PlanRequest, listener: &mut dyn Listener) -> Result<PlanEstimate, AppError> {
    let sweep = open(&request.file, &request.results, listener)?;
    let slots = engine_slots(&sweep.file.executor.value)?;
    let branches = branches(&sweep.plan);
    let resumed = look(&sweep.dir, &sweep.plan, &stored_records(&sweep.dir)?);
    let memory = memory::estimates(&sweep.plan, sweep.text(), &slots);
    let usable = memory::usable(&sweep.plan, &slots, &memory, &resumed.done, listener);
    // Runs that do not fit into memory would fail here too, and times of this machine are not those
    // of others.
    let measures = slots.iter().all(|slot| slot.here) && request.calibrate && usable.is_ok();
    let slots = usable.map(|(_, usable)| usable).unwrap_or_else(|refusal| {
        listener.warning(&format!("`isoflop run` would fail: {refusal}"));
        slots
    });
    let trainer = request.trainer.as_deref();
    let seconds = if measures {
        seconds(trainer, &sweep, &slots, &branches, listener)
    } else {
        None
    };
    let changes = SweepChanges::of(&sweep, &resumed, listener);
    Ok(PlanEstimate {
        sweep,
        slots,
        memory,
        seconds,
        branches,
        resumed,
        changes,
    })
}

/// Estimates the seconds of each run. `None`, with a warning, if the steps cannot be measured.
fn seconds(
    trainer: Option<&Path>,
    sweep: &PlannedSweep,
    slots: &[Slot],
    branches: &[Option<TrunkBranch>],
    listener: &mut dyn Listener,
) -> Option<Vec<f64>> {
    let measured = TrainerProgram::find(trainer)
        .map_err(|e| e.to_string())
        .and_then(|trainer| {
            calibrated(&trainer, sweep, slots, branches).map_err(|e| e.to_string())
        });
    measured
        .map_err(|reason| listener.warning(&format!("cannot estimate times: {reason}")))
        .ok()
}

fn calibrated(
    trainer: &TrainerProgram,
    sweep: &PlannedSweep,
    slots: &[Slot],
    branches: &[Option<TrunkBranch>],
) -> Result<Vec<f64>, CalibrationError> {
    // A step takes the same time in runs that differ only in length or seed.
    let kind = |spec: &RunSpec| RunSpec {
        budget: Budget::Flops(0.0),
        steps: 1,
        seed: 0,
        ..spec.clone()
    };
    let mut kinds: Vec<RunSpec> = Vec::new();
    let mut place = HashMap::new();
    for run in &sweep.plan.runs {
        place.entry(kind(&run.spec).id()).or_insert_with(|| {
            kinds.push(kind(&run.spec));
            kinds.len() - 1
        });
    }
    let measured = calibrate(trainer, slots, &kinds)?;
    let runs = sweep.plan.runs.iter().zip(branches);
    let cost = |(run, branch): (&PlannedRun, &Option<TrunkBranch>)| {
        calibrated_seconds(&run.spec, *branch, &measured[place[&kind(&run.spec).id()]])
    };
    Ok(runs.map(cost).collect())
}

impl PlanEstimate {
    /// Number of runs that are done.
    pub fn done(&self) -> usize {
        self.resumed.done_count()
    }

    /// FLOPs of all runs, without shared trunks.
    pub fn flops(&self) -> Flops {
        self.sweep
            .plan
            .runs
            .iter()
            .map(|run| run.spec.flops())
            .sum()
    }

    /// FLOPs that shared trunks save.
    pub fn flops_saved(&self) -> Flops {
        flops_saved(&self.sweep.plan, &self.branches)
    }

    /// Estimates the seconds until all runs are done.
    pub fn seconds_left(&self) -> Option<f64> {
        let seconds = self.seconds.as_deref()?;
        Some(makespan(seconds, &self.resumed.done, self.slots.len()))
    }
}

/// Seconds until all runs are done, if the longest go first, each to the slot that is free first.
fn makespan(seconds: &[f64], done: &[bool], slots: usize) -> f64 {
    let mut waiting: Vec<f64> = seconds
        .iter()
        .zip(done)
        .filter(|(_, done)| !**done)
        .map(|(s, _)| *s)
        .collect();
    waiting.sort_by(|a, b| b.total_cmp(a));
    let mut busy = vec![0.0f64; slots];
    for seconds in waiting {
        if let Some(first) = busy.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            *first += seconds;
        }
    }
    busy.into_iter().fold(0.0, f64::max)
}
