//! State of a sweep when a coordinator starts: the plan, the results folder and the store,
//! combined.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::commit::commit;
use super::leftovers::sweep_leftovers;
use super::log::sweep_span;
use super::schedule::RunIndex;
use crate::exchange::{dropped, read_json};
use crate::executor::{kill_survivors, request_stop};
use crate::store::{FencingToken, OpenStore, RunRecord, RunState, Store, StoreError};
use isoflop_core::run::{InvalidOutcome, Launch, Outcome, RunDir, SweepDir};
use isoflop_sweep::{Plan, PlannedRun};
use tracing::{info, info_span};

/// State of the plan's runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResumedRuns {
    /// One record for each run of the plan.
    pub records: Vec<RunRecord>,
    /// For each run of the plan, true if it has a valid outcome.
    pub done: Vec<bool>,
    /// Loss of each run that has one, nats/token.
    pub losses: Vec<Option<f64>>,
    /// Runs whose outcome is invalid or missing, with the reason. They are trained again.
    pub damaged: Vec<(RunIndex, String)>,
    /// Runs whose outcome was invalid or missing, restored from what their attempt delivered.
    pub restored: Vec<(RunIndex, String)>,
    /// Folders of finished runs that are not in the plan; they are kept.
    pub unwanted: Vec<String>,
}

/// A sweep that cannot be resumed.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The store cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Trainers of an earlier coordinator are still running.
    #[error("cannot kill trainers of an earlier isoflop: processes {0:?}")]
    Survivors(Vec<i32>),
}

/// A resumed sweep.
#[derive(Debug)]
pub struct ResumedSweep {
    /// The state of its runs.
    pub resumed: ResumedRuns,
    /// The store, up to date with that state.
    pub(super) store: Store,
    /// The path to which a damaged store was moved, and the damage.
    pub set_aside: Option<(PathBuf, String)>,
    /// Trainers of an earlier coordinator that were killed.
    pub survivors: usize,
    /// Attempts that an earlier coordinator submitted to an engine and that may still run.
    ///
    /// They keep their leases, in slots 0, 1, 2, ...
    pub held: BTreeMap<RunIndex, FencingToken>,
}

impl ResumedSweep {
    /// Closes the store, without starting a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn close(self) -> Result<(), StoreError> {
        self.store.close()
    }
}

impl ResumedRuns {
    /// Counts the runs that are done.
    pub fn done_count(&self) -> usize {
        self.done.iter().filter(|done| **done).count()
    }

    /// Counts the runs in the state `name`.
    pub fn count(&self, name: &str) -> usize {
        let states = self.records.iter().map(|record| record.state.name());
        states.filter(|state| *state == name).count()
    }

    /// Commits what the last attempt delivered before its coordinator ended, if anything.
    fn commit_what_was_left(&mut self, sweep: &SweepDir, run: &PlannedRun, i: RunIndex) {
        if let Some(outcome) = left_behind(sweep, run, &self.records[i]) {
            let reason = "its attempt delivered an outcome before its coordinator ended";
            info!(attempt = outcome.attempt, reason, "committed");
            self.done[i] = true;
            (self.records[i], self.losses[i]) = done(&outcome, Some(&self.records[i]));
            let is_it = |(run, _): &mut (RunIndex, String)| *run == i;
            self.restored.extend(self.damaged.extract_if(.., is_it));
        }
    }

    /// Releases the lease of a run whose attempt ended with its coordinator.
    ///
    /// An attempt that an engine has, with the token `fence`, keeps the lease, in the slot `slot`.
    fn release(
        &mut self,
        sweep: &SweepDir,
        run: &PlannedRun,
        i: RunIndex,
        fence: Option<FencingToken>,
        slot: usize,
    ) -> Option<FencingToken> {
        let state = &mut self.records[i].state;
        let attempt = state.lease()?.attempt;
        let dir = sweep.run(&run.id).attempt(attempt);
        let fence = fence.filter(|_| dir.was_submitted());
        if fence.is_some() {
            let reason = "an engine has its attempt, which may still run";
            info!(attempt, reason, "lease kept");
            *state = RunState::leased(attempt, slot);
        } else {
            let reason = "its attempt ended with its coordinator";
            info!(attempt, reason, "lease released");
            *state = RunState::default();
        }
        fence
    }
}

/// Reads the state of the runs, and changes nothing: set difference by run id.
///
/// `remembered` has the records of the store, by run id.
pub fn look(sweep: &SweepDir, plan: &Plan, remembered: &HashMap<String, RunRecord>) -> ResumedRuns {
    let mut resumed = ResumedRuns::default();
    let folders = folders(sweep);
    for (i, run) in plan.runs.iter().enumerate() {
        let remembered = remembered.get(run.id.as_str());
        let has_folder = folders.contains(run.id.as_str());
        let found = if has_folder {
            Outcome::read_committed(&sweep.run(&run.id), &run.id, &run.spec)
        } else {
            Err(InvalidOutcome::Missing)
        };
        let (record, loss) = match found {
            Ok(outcome) => done(&outcome, remembered),
            Err(reason) => {
                let (record, damage) = undone(sweep, run, remembered, has_folder, &reason);
                resumed.damaged.extend(damage.map(|reason| (i, reason)));
                (record, None)
            }
        };
        resumed.done.push(record.state.has_outcome());
        resumed.records.push(record);
        resumed.losses.push(loss);
    }
    resumed.unwanted = unwanted(sweep, plan, &folders);
    resumed
}

/// Resumes a sweep whose lock is held.
///
/// Kills the trainers that an earlier coordinator left on this machine, commits outcomes that were
/// delivered but not committed, removes incomplete files, and writes the state of every run to the
/// store.
///
/// # Errors
/// [`ResumeError`].
pub fn resume(sweep: &SweepDir, plan: &Plan) -> Result<ResumedSweep, ResumeError> {
    let _span = sweep_span(sweep).entered();
    let survivors = kill_survivors(&sweep.runs()).map_err(ResumeError::Survivors)?;
    let mut opened = OpenStore::of(sweep)?;
    let set_aside = opened.set_aside.take();
    let (mut resumed, fences) = (look(sweep, plan, &opened.records()?), opened.fences()?);
    let mut held = BTreeMap::new();
    for (i, run) in plan.runs.iter().enumerate() {
        let _span = info_span!("run", id = run.id.as_str()).entered();
        resumed.commit_what_was_left(sweep, run, i);
        let fence = fences.get(run.id.as_str()).copied();
        if let Some(fence) = resumed.release(sweep, run, i, fence, held.len()) {
            held.insert(i, fence);
        }
    }
    log_resumed(&resumed, plan, survivors, set_aside.as_ref());
    let wanted = plan_ids(plan);
    let others = fences.keys().filter(|id| !wanted.contains(id.as_str()));
    others.for_each(|id| stop_removed_run(&sweep.run_named(id)));
    sweep_leftovers(sweep, plan, &resumed.done, &folders(sweep));
    let store = opened.adopt(&plan.runs, &resumed.records, &resumed.losses)?;
    Ok(ResumedSweep {
        resumed,
        store,
        set_aside,
        survivors,
        held,
    })
}

/// Logs what was found.
fn log_resumed(
    resumed: &ResumedRuns,
    plan: &Plan,
    survivors: usize,
    aside: Option<&(PathBuf, String)>,
) {
    if let Some((path, reason)) = aside {
        info!(path = %path.display(), reason, "store rebuilt");
    }
    let again = resumed.damaged.iter().map(|run| ("done again", run));
    let restored = resumed.restored.iter().map(|run| ("restored", run));
    for (choice, (run, reason)) in again.chain(restored) {
        info!(run = plan.runs[*run].id.as_str(), reason, "{choice}");
    }
    let (runs, done) = (plan.runs.len(), resumed.done_count());
    info!(runs, done, trainers_ended = survivors, "sweep opened");
}

fn done(outcome: &Outcome, remembered: Option<&RunRecord>) -> (RunRecord, Option<f64>) {
    let mut record = remembered.cloned().unwrap_or_default();
    record.attempts = record.attempts.max(outcome.attempt);
    record.state = RunState::of(outcome);
    (record, outcome.loss())
}

/// The record of a run without a valid outcome, and the damage of its outcome, if it had one.
///
/// If the store has no record of the run, its folder shows the attempts.
fn undone(
    sweep: &SweepDir,
    run: &PlannedRun,
    remembered: Option<&RunRecord>,
    has_folder: bool,
    reason: &InvalidOutcome,
) -> (RunRecord, Option<String>) {
    let mut record = remembered.cloned().unwrap_or_default();
    let last = has_folder.then(|| last_attempt(&sweep.run(&run.id)));
    let last = last.flatten().unwrap_or(0);
    // The store was lost, and with it the result of the last attempt. Treat it as an attempt under
    // way.
    let is_lost = last > record.attempts;
    record.attempts = record.attempts.max(last);
    let damage = match reason {
        InvalidOutcome::Missing if is_lost || !record.state.has_outcome() => None,
        InvalidOutcome::Missing => Some("its outcome is missing".to_owned()),
        damaged => {
            let attempts = record.attempts;
            record = RunRecord {
                attempts,
                ..RunRecord::default()
            };
            Some(damaged.to_string())
        }
    };
    if is_lost || damage.is_some() {
        record.state = RunState::leased(record.attempts, 0);
    }
    (record, damage)
}

/// Commits what the attempt that was under way had delivered.
///
/// An attempt whose end was processed before is not looked at again.
fn left_behind(sweep: &SweepDir, run: &PlannedRun, record: &RunRecord) -> Option<Outcome> {
    let lease = record.state.lease()?;
    let attempt = sweep.run(&run.id).attempt(lease.attempt);
    let launch: Launch = read_json(&attempt.launch())?;
    let committed = commit(sweep, run, &attempt, &launch.fence);
    dropped(committed, "no outcome was left to commit")
}

/// Asks an engine's attempt to stop, because its run is not in the plan any more.
///
/// Without its lease the attempt commits nothing. If it cannot be asked, it only wastes its time.
fn stop_removed_run(run: &RunDir) {
    let Some(attempt) = last_attempt(run).map(|number| run.attempt(number)) else {
        return;
    };
    if attempt.was_submitted() && !attempt.end().exists() {
        let reason = "its run is not in the plan any more";
        info!(attempt = %attempt.root().display(), reason, "asked to stop");
        dropped(request_stop(&attempt), "failed to ask an attempt to stop");
    }
}

/// The number of the latest attempt at a run.
fn last_attempt(run: &RunDir) -> Option<u32> {
    let names = names(&run.attempts(), "failed to list attempts");
    names.filter_map(|name| name.parse().ok()).max()
}

/// Names of the runs that have a folder.
fn folders(sweep: &SweepDir) -> HashSet<String> {
    names(&sweep.runs(), "failed to list runs").collect()
}

/// Names of the entries of a folder; empty if the folder cannot be listed.
fn names(folder: &Path, told: &'static str) -> impl Iterator<Item = String> + use<> {
    let entries = dropped(fs::read_dir(folder), told).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

/// The runs of the plan.
fn plan_ids(plan: &Plan) -> HashSet<&str> {
    plan.runs.iter().map(|run| run.id.as_str()).collect()
}

fn unwanted(sweep: &SweepDir, plan: &Plan, folders: &HashSet<String>) -> Vec<String> {
    let wanted = plan_ids(plan);
    let others = folders
        .iter()
        .filter(|folder| !wanted.contains(folder.as_str()));
    let mut finished: Vec<String> = others
        .filter(|folder| sweep.run_named(folder).outcome().is_file())
        .cloned()
        .collect();
    finished.sort();
    finished
}
