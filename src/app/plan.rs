//! The runs of a sweep and what they cost, without starting any.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::engine::places;
use super::sweep::{open, remembered};
use super::{AppError, Changes, Listener, Sweep, memory};
use isoflop_core::run::{Budget, RunSpec};
use isoflop_core::units::Flops;
use isoflop_dispatch::coordinator::{
    Branch, CalibrationError, Resumed, branches, calibrate, calibrated_seconds, flops_saved, look,
};
use isoflop_dispatch::executor::{Slot, Trainer};
use isoflop_sweep::PlannedRun;

/// What is to be planned, and how.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Sweep file.
    pub file: PathBuf,
    /// Folder of results.
    pub results: PathBuf,
    /// Trainer program; by itself the one beside this program.
    pub trainer: Option<PathBuf>,
    /// Measure a few steps, to say how long runs take.
    pub calibrate: bool,
}

/// A plan with what is expected of it.
#[derive(Debug)]
pub struct Outlook {
    /// The sweep.
    pub sweep: Sweep,
    /// The slots that its runs can use at once.
    pub slots: Vec<Slot>,
    /// Memory that each run is expected to hold, bytes.
    pub memory: Vec<u64>,
    /// Expected seconds of each run, where the trainer could be asked.
    pub seconds: Option<Vec<f64>>,
    /// Where each run goes on from.
    pub branches: Vec<Option<Branch>>,
    /// How the runs stand.
    pub resumed: Resumed,
    /// What the file changes, where something was planned or done before.
    pub changes: Option<Changes>,
}

/// Reads a sweep file and says what its runs would cost; writes nothing.
///
/// # Errors
/// [`AppError`] where the file, a text or the store of its results is not usable. A sweep that fits into no memory is
/// planned all the same, with a warning.
pub fn plan(request: &PlanRequest, listener: &mut dyn Listener) -> Result<Outlook, AppError> {
    let sweep = open(&request.file, &request.results, listener)?;
    let slots = places(&sweep.file.executor.value)?;
    let branches = branches(&sweep.plan);
    let resumed = look(&sweep.dir, &sweep.plan, &remembered(&sweep.dir)?);
    let memory = memory::estimates(&sweep.plan, sweep.text(), &slots);
    let usable = memory::usable(&sweep.plan, &slots, &memory, &resumed.done, listener);
    // A measurement is a few steps: they would find no room either, and say nothing of another machine.
    let measures = slots.iter().all(|slot| slot.here) && request.calibrate && usable.is_ok();
    let slots = usable.map(|(_, usable)| usable).unwrap_or_else(|refusal| {
        listener.warning(&format!("`isoflop run` will refuse: {refusal}"));
        slots
    });
    let trainer = request.trainer.as_deref();
    let seconds = if measures {
        seconds(trainer, &sweep, &slots, &branches, listener)
    } else {
        None
    };
    let changes = Changes::of(&sweep, &resumed, listener);
    Ok(Outlook {
        sweep,
        slots,
        memory,
        seconds,
        branches,
        resumed,
        changes,
    })
}

/// Expected seconds of each run; nothing, with a warning, where the trainer cannot be asked.
fn seconds(
    trainer: Option<&Path>,
    sweep: &Sweep,
    slots: &[Slot],
    branches: &[Option<Branch>],
    listener: &mut dyn Listener,
) -> Option<Vec<f64>> {
    let measured = Trainer::find(trainer)
        .map_err(|e| e.to_string())
        .and_then(|trainer| {
            calibrated(&trainer, sweep, slots, branches).map_err(|e| e.to_string())
        });
    measured
        .map_err(|reason| listener.warning(&format!("no times: {reason}")))
        .ok()
}

fn calibrated(
    trainer: &Trainer,
    sweep: &Sweep,
    slots: &[Slot],
    branches: &[Option<Branch>],
) -> Result<Vec<f64>, CalibrationError> {
    // Steps of runs that differ in length or seed only take the same time.
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
    let cost = |(run, branch): (&PlannedRun, &Option<Branch>)| {
        calibrated_seconds(&run.spec, *branch, &measured[place[&kind(&run.spec).id()]])
    };
    Ok(runs.map(cost).collect())
}

impl Outlook {
    /// Runs that are done.
    pub fn done(&self) -> usize {
        self.resumed.done_count()
    }

    /// FLOPs of all runs, each trained by itself.
    pub fn flops(&self) -> Flops {
        self.sweep
            .plan
            .runs
            .iter()
            .map(|run| run.spec.flops())
            .sum()
    }

    /// FLOPs that runs save which go on from one another.
    pub fn flops_saved(&self) -> Flops {
        flops_saved(&self.sweep.plan, &self.branches)
    }

    /// Expected seconds until all runs are done.
    pub fn seconds_left(&self) -> Option<f64> {
        let seconds = self.seconds.as_deref()?;
        Some(makespan(seconds, &self.resumed.done, self.slots.len()))
    }
}

/// Seconds until all are done when each goes to the slot that is free first, dearest first.
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
