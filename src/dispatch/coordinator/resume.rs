//! What is known as a coordinator starts: the plan, the results folder, and the store's memory of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::commit::commit;
use super::leftovers::sweep_leftovers;
use super::log::sweep_span;
use super::schedule::RunIndex;
use crate::exchange::{dropped, read_json};
use crate::executor::{kill_survivors, unwant};
use crate::store::{Fence, Opened, Record, RunState, Store, StoreError};
use isoflop_core::run::{InvalidOutcome, Launch, Outcome, RunDir, SweepDir};
use isoflop_sweep::{Plan, PlannedRun};
use tracing::{info, info_span};

/// How the plan's runs stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resumed {
    /// One for each run of the plan.
    pub records: Vec<Record>,
    /// For each run of the plan, whether it has a valid outcome.
    pub done: Vec<bool>,
    /// Loss of each run that has one, nats/token.
    pub losses: Vec<Option<f64>>,
    /// Runs whose outcome is not valid, or gone, with the reason: they are done again.
    pub damaged: Vec<(RunIndex, String)>,
    /// Such runs whose attempt still had what it delivered: that is their outcome again.
    pub restored: Vec<(RunIndex, String)>,
    /// Folders of finished runs that the plan does not ask for; they are kept.
    pub unwanted: Vec<String>,
}

/// Why a sweep cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The store cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Trainers of an earlier coordinator are still there.
    #[error("trainers of an earlier isoflop cannot be ended: processes {0:?}")]
    Survivors(Vec<i32>),
}

/// A sweep that was taken up.
#[derive(Debug)]
pub struct TakenUp {
    /// How its runs stand.
    pub resumed: Resumed,
    /// The store, in which that is written down.
    pub(super) store: Store,
    /// Where a damaged store was put, and what was wrong with it.
    pub set_aside: Option<(PathBuf, String)>,
    /// Trainers of an earlier coordinator that were ended.
    pub survivors: usize,
    /// Attempts that an earlier coordinator gave to an engine and that may still run: they hold their runs, in slots 0, 1, 2.
    pub held: BTreeMap<RunIndex, Fence>,
}

impl TakenUp {
    /// Leaves the sweep to the next coordinator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn close(self) -> Result<(), StoreError> {
        self.store.close()
    }
}

impl Resumed {
    /// Runs that are done.
    pub fn done_count(&self) -> usize {
        self.done.iter().filter(|done| **done).count()
    }

    /// Runs in a state of this name.
    pub fn count(&self, name: &str) -> usize {
        let states = self.records.iter().map(|record| record.state.name());
        states.filter(|state| *state == name).count()
    }

    /// Commits what the attempt that was under way had delivered, if it had.
    fn commit_what_was_left(&mut self, sweep: &SweepDir, run: &PlannedRun, i: RunIndex) {
        if let Some(outcome) = left_behind(sweep, run, &self.records[i]) {
            let reason = "its attempt had delivered before its coordinator ended";
            info!(attempt = outcome.attempt, reason, "committed");
            self.done[i] = true;
            (self.records[i], self.losses[i]) = done(&outcome, Some(&self.records[i]));
            let is_it = |(run, _): &mut (RunIndex, String)| *run == i;
            self.restored.extend(self.damaged.extract_if(.., is_it));
        }
    }

    /// Frees a run whose attempt ended with its coordinator. One that an engine has, by its token, keeps the run, in this slot.
    fn release(
        &mut self,
        sweep: &SweepDir,
        run: &PlannedRun,
        i: RunIndex,
        fence: Option<Fence>,
        slot: usize,
    ) -> Option<Fence> {
        let state = &mut self.records[i].state;
        let attempt = state.lease()?.attempt;
        let dir = sweep.run(&run.id).attempt(attempt);
        let fence = fence.filter(|_| dir.is_with_an_engine());
        if fence.is_some() {
            let reason = "an engine has its attempt, which may run still";
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

/// Looks at the results and changes nothing: set difference by run id. `remembered` is what the store knows, by run id.
pub fn look(sweep: &SweepDir, plan: &Plan, remembered: &HashMap<String, Record>) -> Resumed {
    let mut resumed = Resumed::default();
    let folders = folders(sweep);
    for (i, run) in plan.runs.iter().enumerate() {
        let remembered = remembered.get(run.id.as_str());
        let has_folder = folders.contains(run.id.as_str());
        let found = if has_folder {
            Outcome::committed(&sweep.run(&run.id), &run.id, &run.spec)
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

/// Takes up a sweep, whose lock is held: ends what an earlier coordinator left running on this machine, commits what it had no time to,
/// sweeps what it left half-written, and writes down how every run stands.
///
/// # Errors
/// [`ResumeError`].
pub fn resume(sweep: &SweepDir, plan: &Plan) -> Result<TakenUp, ResumeError> {
    let _span = sweep_span(sweep).entered();
    let survivors = kill_survivors(&sweep.runs()).map_err(ResumeError::Survivors)?;
    let mut opened = Opened::of(sweep)?;
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
    tell(&resumed, plan, survivors, set_aside.as_ref());
    let wanted = wanted(plan);
    let others = fences.keys().filter(|id| !wanted.contains(id.as_str()));
    others.for_each(|id| take_back(&sweep.run_named(id)));
    sweep_leftovers(sweep, plan, &resumed.done, &folders(sweep));
    let store = opened.adopt(&plan.runs, &resumed.records, &resumed.losses)?;
    Ok(TakenUp {
        resumed,
        store,
        set_aside,
        survivors,
        held,
    })
}

/// Leaves to the log what was found.
fn tell(resumed: &Resumed, plan: &Plan, survivors: usize, aside: Option<&(PathBuf, String)>) {
    if let Some((path, reason)) = aside {
        info!(path = %path.display(), reason, "store made anew");
    }
    let again = resumed.damaged.iter().map(|run| ("done again", run));
    let restored = resumed.restored.iter().map(|run| ("restored", run));
    for (choice, (run, reason)) in again.chain(restored) {
        info!(run = plan.runs[*run].id.as_str(), reason, "{choice}");
    }
    let (runs, done) = (plan.runs.len(), resumed.done_count());
    info!(runs, done, trainers_ended = survivors, "sweep taken up");
}

fn done(outcome: &Outcome, remembered: Option<&Record>) -> (Record, Option<f64>) {
    let mut record = remembered.cloned().unwrap_or_default();
    record.attempts = record.attempts.max(outcome.attempt);
    record.state = RunState::of(outcome);
    (record, outcome.loss())
}

/// The record of a run without a valid outcome, and what is wrong with one that it had; where the store knows nothing of it, its
/// folder tells of attempts.
fn undone(
    sweep: &SweepDir,
    run: &PlannedRun,
    remembered: Option<&Record>,
    has_folder: bool,
    reason: &InvalidOutcome,
) -> (Record, Option<String>) {
    let mut record = remembered.cloned().unwrap_or_default();
    let last = has_folder.then(|| last_attempt(&sweep.run(&run.id)));
    let last = last.flatten().unwrap_or(0);
    // The store was lost: whether the last attempt was judged, nobody knows. It is as one that was under way.
    let is_lost = last > record.attempts;
    record.attempts = record.attempts.max(last);
    let damage = match reason {
        InvalidOutcome::Missing if is_lost || !record.state.has_outcome() => None,
        InvalidOutcome::Missing => Some("its outcome is gone".to_owned()),
        damaged => {
            let attempts = record.attempts;
            record = Record {
                attempts,
                ..Record::default()
            };
            Some(damaged.to_string())
        }
    };
    if is_lost || damage.is_some() {
        record.state = RunState::leased(record.attempts, 0);
    }
    (record, damage)
}

/// What the attempt under way when its coordinator died had delivered. One that was judged before is not asked again.
fn left_behind(sweep: &SweepDir, run: &PlannedRun, record: &Record) -> Option<Outcome> {
    let lease = record.state.lease()?;
    let attempt = sweep.run(&run.id).attempt(lease.attempt);
    let launch: Launch = read_json(&attempt.launch())?;
    let committed = commit(sweep, run, &attempt, &launch.fence);
    dropped(committed, "nothing was left behind to commit")
}

/// Asks the attempt of an engine at a run that is not wanted any more to end. It commits nothing in any case: one that cannot be
/// told only takes its time.
fn take_back(run: &RunDir) {
    let Some(attempt) = last_attempt(run).map(|number| run.attempt(number)) else {
        return;
    };
    if attempt.is_with_an_engine() && !attempt.end().exists() {
        let reason = "the plan does not ask for its run";
        info!(attempt = %attempt.root().display(), reason, "asked to stop");
        dropped(unwant(&attempt), "an attempt was not told to end");
    }
}

/// The number of the latest attempt at a run.
fn last_attempt(run: &RunDir) -> Option<u32> {
    let names = names(&run.attempts(), "attempts were not listed");
    names.filter_map(|name| name.parse().ok()).max()
}

/// The runs that have a folder.
fn folders(sweep: &SweepDir) -> HashSet<String> {
    names(&sweep.runs(), "runs were not listed").collect()
}

/// The names in a folder; none where it cannot be listed.
fn names(folder: &Path, told: &'static str) -> impl Iterator<Item = String> + use<> {
    let entries = dropped(fs::read_dir(folder), told).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

/// The runs that the plan asks for.
fn wanted(plan: &Plan) -> HashSet<&str> {
    plan.runs.iter().map(|run| run.id.as_str()).collect()
}

fn unwanted(sweep: &SweepDir, plan: &Plan, folders: &HashSet<String>) -> Vec<String> {
    let wanted = wanted(plan);
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
